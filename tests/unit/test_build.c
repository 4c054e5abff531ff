/* JSON in the making: whole, or broken by what is missing anywhere in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "config/build.h"

static void a_whole_tree_has_a_text(void **state)
{
	struct pool_text text = POOL_TEXT_EMPTY;
	cJSON *root = cJSON_CreateObject();
	cJSON *list = pool_json_add_array(root, "list");
	char *printed;

	(void)state;
	pool_text_add(&text, "of \"text\"");
	pool_json_add_text(root, "a", &text);
	assert_null(text.bytes);
	pool_json_add_number(root, "n", -1);
	pool_json_add_bool(root, "b", true);
	pool_json_append(list, cJSON_CreateString("\t"));
	assert_true(pool_json_is_whole(root));
	printed = pool_json_take(root);
	assert_string_equal("{\n  \"list\": [\"\\t\"],\n  \"a\": \"of \\\"text\\\"\",\n"
			    "  \"n\": -1,\n  \"b\": true\n}\n",
		printed);
	free(printed);
}

/* What is missing stands deep inside; what is put beside it changes nothing. */
static void a_missing_item_breaks_the_tree(void **state)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *inner = pool_json_add_object(pool_json_add_object(root, "a"), "b");

	(void)state;
	assert_null(pool_json_add(inner, "c", NULL));
	pool_json_add_string(inner, "d", "text");
	assert_false(pool_json_is_whole(root));
	assert_null(pool_json_take(root));

	root = cJSON_CreateArray();
	assert_null(pool_json_append(root, NULL));
	assert_null(pool_json_take(root));
}

/* One that could not be made: what is put into it goes with it, and its parent is broken.
 */
static void an_object_that_is_none_breaks_its_parent(void **state)
{
	cJSON *root = cJSON_CreateObject(), *none = NULL;

	(void)state;
	assert_null(pool_json_add_string(none, "key", "text"));
	assert_null(pool_json_append(none, cJSON_CreateTrue()));
	assert_true(pool_json_is_whole(root));
	pool_json_add(root, "none", none);
	assert_null(pool_json_take(root));
	assert_null(pool_json_take(NULL));
}

static void a_broken_text_breaks_what_it_is_put_into(void **state)
{
	struct pool_text text = {.broken = true};
	cJSON *root = cJSON_CreateObject();

	(void)state;
	pool_json_add_text(root, "text", &text);
	assert_null(pool_json_take(root));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_tree_has_a_text),
		cmocka_unit_test(a_missing_item_breaks_the_tree),
		cmocka_unit_test(an_object_that_is_none_breaks_its_parent),
		cmocka_unit_test(a_broken_text_breaks_what_it_is_put_into),
	};

	return cmocka_run_group_tests_name("build", tests, NULL, NULL);
}
