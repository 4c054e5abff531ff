/* pool-state(5) against the header: every field with its offset and size, and no other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "state/decisions.h"

/* Tests run at the root of the sources. */
static const char *const page = "man/pool-state.5";

struct field {
	const char *structure;
	const char *name;
	size_t offset;
	size_t size;
};

#define FIELD(type, field)                                   \
	{                                                    \
#type, #field, offsetof(struct type, field), \
			sizeof(((struct type *)NULL)->field) \
	}

static const struct field fields[] = {
	FIELD(pool_state_header, magic),
	FIELD(pool_state_header, version),
	FIELD(pool_state_header, former),
	FIELD(pool_state_header, file),
	FIELD(pool_state_header, forms),
	FIELD(pool_state_form, layout),
	FIELD(pool_state_form, checksum),
	FIELD(pool_state_form, active),
	FIELD(pool_state_form, rebuilt),
	FIELD(pool_state_form, roots),
	FIELD(pool_state_form, spare),
	FIELD(pool_state_root, offset),
	FIELD(pool_state_root, length),
	FIELD(pool_state_root, checksum),
	FIELD(pool_state_root, unused),
	FIELD(pool_state_undo, count),
	FIELD(pool_state_undo, used),
	FIELD(pool_state_undo_entry, offset),
	FIELD(pool_state_undo_entry, length),
	FIELD(pool_state_image, snapshot_id),
	FIELD(pool_state_image, generation),
	FIELD(pool_state_image, leaf_count),
	FIELD(pool_state_image, former_count),
	FIELD(pool_state_image, record_count),
	FIELD(pool_state_image, orphan_count),
	FIELD(pool_state_image, lease_capacity),
	FIELD(pool_state_image, unused),
	FIELD(pool_state_image, leaves_at),
	FIELD(pool_state_image, ready_at),
	FIELD(pool_state_image, weights_at),
	FIELD(pool_state_image, counts_at),
	FIELD(pool_state_image, finishes_at),
	FIELD(pool_state_image, records_at),
	FIELD(pool_state_image, leases_at),
	FIELD(pool_state_image, budgets_at),
	FIELD(pool_state_image, decisions_at),
	FIELD(pool_state_image, spare_at),
	FIELD(pool_state_image, overlay_id),
	FIELD(pool_state_image, length),
	FIELD(pool_state_image, leases_used),
	FIELD(pool_state_image, leases_owned),
	FIELD(pool_state_image, next_expiry_ns),
	FIELD(pool_state_image, lease_hint),
	FIELD(pool_state_image, clock_id),
	FIELD(pool_state_image, written_boot_ns),
	FIELD(pool_state_image, written_wall_s),
	FIELD(pool_state_image, owners_ns),
	FIELD(pool_state_image, decisions_ns),
	FIELD(pool_state_image, spare),
	FIELD(pool_state_leaf, key),
	FIELD(pool_state_leaf, first_record),
	FIELD(pool_state_leaf, record_count),
	FIELD(pool_state_leaf, cursor),
	FIELD(pool_state_leaf, clock),
	FIELD(pool_state_leaf, selections),
	FIELD(pool_state_leaf, fallbacks),
	FIELD(pool_state_leaf, panics),
	FIELD(pool_state_leaf, rollout),
	FIELD(pool_state_leaf, checked_ns),
	FIELD(pool_state_leaf, checked_wall_s),
	FIELD(pool_state_leaf, floor),
	FIELD(pool_state_leaf, eligibles),
	FIELD(pool_state_leaf, latency_ns),
	FIELD(pool_state_leaf, strategies),
	FIELD(pool_state_leaf, latency),
	FIELD(pool_state_leaf, spare),
	FIELD(pool_record, identity),
	FIELD(pool_record, leaf_key),
	FIELD(pool_record, health),
	FIELD(pool_record, removed_ns),
	FIELD(pool_record, latency_us),
	FIELD(pool_record, last_latency_us),
	FIELD(pool_record, checked_wall_s),
	FIELD(pool_record, selected_wall_s),
	FIELD(pool_record, selections),
	FIELD(pool_record, leases),
	FIELD(pool_record, checks),
	FIELD(pool_record, reports),
	FIELD(pool_record, transition_count),
	FIELD(pool_record, http_status),
	FIELD(pool_record, flap),
	FIELD(pool_record, transitions),
	FIELD(pool_record, seal),
	FIELD(pool_health, open_until_ns),
	FIELD(pool_health, cool_until_ns),
	FIELD(pool_health, changed_ns),
	FIELD(pool_health, checked_ns),
	FIELD(pool_health, opened),
	FIELD(pool_health, known),
	FIELD(pool_health, admin_disabled),
	FIELD(pool_health, failed_layer),
	FIELD(pool_health, last_reason),
	FIELD(pool_health, open_reason),
	FIELD(pool_health, blocked),
	FIELD(pool_health, report_layer),
	FIELD(pool_health, times_opened),
	FIELD(pool_health, failed_checks),
	FIELD(pool_health, relayed_checks),
	FIELD(pool_health, failed_reports),
	FIELD(pool_health, relayed_reports),
	FIELD(pool_health, good_in_a_row),
	FIELD(pool_state_transition, wall_s),
	FIELD(pool_state_transition, from),
	FIELD(pool_state_transition, to),
	FIELD(pool_state_transition, reason),
	FIELD(pool_state_transition, unused),
	FIELD(pool_lease, id),
	FIELD(pool_lease, record),
	FIELD(pool_lease, flags),
	FIELD(pool_lease, owner_pid),
	FIELD(pool_lease, lock),
	FIELD(pool_lease, owner_start),
	FIELD(pool_lease, owner_space),
	FIELD(pool_lease, expires_ns),
	FIELD(pool_lease, began_ns),
	FIELD(pool_lease, last_id),
	FIELD(pool_budget, head_ns),
	FIELD(pool_budget, width_ns),
	FIELD(pool_budget, used),
	FIELD(pool_decision, made_wall_s),
	FIELD(pool_decision, until_wall_s),
	FIELD(pool_decision, command),
	FIELD(pool_decision, unused),
	FIELD(pool_decision, who),
	FIELD(pool_decision, why),
	FIELD(pool_decision, spare),
	FIELD(pool_decision_entry, checksum),
	FIELD(pool_decision_entry, leaf_key),
	FIELD(pool_decision_entry, identity),
	FIELD(pool_decision_entry, key),
	FIELD(pool_decision_entry, spare),
	FIELD(pool_decision_entry, decision),
};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

#define STRUCTURE(type)                    \
	{                                  \
#type, sizeof(struct type) \
	}

static const struct {
	const char *name;
	size_t size;
} structures[] = {
	STRUCTURE(pool_state_header),
	STRUCTURE(pool_state_form),
	STRUCTURE(pool_state_root),
	STRUCTURE(pool_state_undo),
	STRUCTURE(pool_state_undo_entry),
	STRUCTURE(pool_state_image),
	STRUCTURE(pool_state_leaf),
	STRUCTURE(pool_record),
	STRUCTURE(pool_health),
	STRUCTURE(pool_state_transition),
	STRUCTURE(pool_lease),
	STRUCTURE(pool_budget),
	STRUCTURE(pool_decision),
	STRUCTURE(pool_decision_entry),
};

enum { STRUCTURES = sizeof(structures) / sizeof(structures[0]) };

static FILE *open_page(void)
{
	FILE *file = fopen(page, "r");

	if (!file)
		fail_msg("cannot open %s", page);
	return file;
}

/* The next row of a table of fields, with the structure it is about; false at the end. */
static bool read_row(
	FILE *file, char *structure, char *name, size_t *offset, size_t *size)
{
	char line[512];

	while (fgets(line, sizeof(line), file)) {
		sscanf(line, ".Ss %*[^(](struct %63[a-z_],", structure);
		if (sscanf(line, ".It %zu Ta %zu Ta Va %63[a-z_]", offset, size, name) ==
			3)
			return true;
	}
	return false;
}

static void test_each_row_is_a_field_in_order(void **state)
{
	FILE *file = open_page();
	char structure[64] = "", name[64];
	size_t offset, size, row = 0;

	(void)state;
	while (read_row(file, structure, name, &offset, &size)) {
		if (row == FIELDS)
			fail_msg("%s: %s.%s is one too many", page, structure, name);
		assert_string_equal(fields[row].structure, structure);
		assert_string_equal(fields[row].name, name);
		if (fields[row].offset != offset || fields[row].size != size)
			fail_msg("%s: %s.%s is at %zu, %zu bytes, not %zu, %zu", page,
				structure, name, fields[row].offset, fields[row].size,
				offset, size);
		row++;
	}
	fclose(file);
	assert_int_equal(FIELDS, row);
}

/* A field that is missing here and in the page leaves a hole. */
static void test_rows_leave_no_hole(void **state)
{
	(void)state;
	for (size_t i = 0; i < STRUCTURES; i++) {
		size_t end = 0;

		for (size_t row = 0; row < FIELDS; row++) {
			if (strcmp(fields[row].structure, structures[i].name) != 0)
				continue;
			if (fields[row].offset != end)
				fail_msg("before %s.%s: bytes %zu to %zu",
					structures[i].name, fields[row].name, end,
					fields[row].offset);
			end += fields[row].size;
		}
		assert_int_equal(structures[i].size, end);
	}
}

static void test_headings_have_the_sizes(void **state)
{
	FILE *file = open_page();
	char line[512], structure[64];
	size_t size, seen = 0;

	(void)state;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, ".Ss %*[^(](struct %63[a-z_], %zu bytes)", structure,
			    &size) != 2)
			continue;
		assert_true(seen < STRUCTURES);
		assert_string_equal(structures[seen].name, structure);
		assert_int_equal(structures[seen].size, size);
		seen++;
	}
	fclose(file);
	assert_int_equal(STRUCTURES, seen);
}

/* The words of the page that are numbers of the code. */
static void test_constants(void **state)
{
	enum { WORDS = 9 };
	char expected[WORDS][160];
	bool found[WORDS] = {false};
	char line[512];
	FILE *file = open_page();

	(void)state;
	snprintf(expected[0], 160, "little endian: %#llx;",
		(unsigned long long)POOL_STATE_MAGIC);
	snprintf(expected[1], 160, ".It %d Ta undo slot, %d bytes", POOL_STATE_UNDO_AT,
		POOL_STATE_UNDO_SIZE);
	snprintf(expected[2], 160, ".It %d Ta images", POOL_STATE_IMAGES_AT);
	snprintf(expected[3], 160, "Va version Ta %d", POOL_STATE_VERSION);
	snprintf(expected[4], 160, "hash of the first %zu bytes of the image",
		POOL_STATE_IMAGE_FIXED);
	snprintf(expected[5], 160, "Va layout Ta %#llx",
		(unsigned long long)POOL_STATE_LAYOUT);
	snprintf(expected[6], 160, "Va transitions Ta the last %d,",
		POOL_TRANSITIONS_KEPT);
	snprintf(expected[7], 160, "Va latency Ta %d counters", POOL_LATENCY_BUCKETS);
	snprintf(
		expected[8], 160, "Va strategies Ta %d counters", POOL_STRATEGY_COUNTERS);
	while (fgets(line, sizeof(line), file))
		for (size_t i = 0; i < WORDS; i++)
			found[i] = found[i] || strstr(line, expected[i]);
	fclose(file);
	for (size_t i = 0; i < WORDS; i++)
		if (!found[i])
			fail_msg("%s does not say '%s'", page, expected[i]);
}

static void must_say(const char *text, int number, const char *name)
{
	char word[48];

	snprintf(word, sizeof(word), "%d %s", number, name);
	if (!strstr(text, word))
		fail_msg("%s does not say '%s'", page, word);
}

/*
 * Whoever changes what the layout depends on raises POOL_STATE_VERSION, writes down the
 * hash of the version before in former.c, and has its files carried over. While a version
 * is not released its hash may change with it: here, and in the page.
 */
static void test_each_version_has_one_layout(void **state)
{
	(void)state;
	assert_int_equal(2, POOL_STATE_VERSION);
	assert_true(POOL_STATE_LAYOUT == UINT64_C(0x2fd687771bd0e7cd));
}

/* "0 unknown, 1 healthy, ...": the numbers that a transition stores; and the order of the
 * counters by strategy. */
static void test_numbers_of_words(void **state)
{
	char text[65536];
	FILE *file = open_page();
	size_t length = fread(text, 1, sizeof(text) - 1, file);

	(void)state;
	fclose(file);
	text[length] = '\0';
	for (int i = 0; i < POOL_STATUSES; i++)
		must_say(text, i, pool_status_name((enum pool_status)i));
	for (unsigned i = 0; i < POOL_STRATEGIES; i++)
		must_say(text, (int)i, pool_strategy_get(i)->name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_row_is_a_field_in_order),
		cmocka_unit_test(test_rows_leave_no_hole),
		cmocka_unit_test(test_headings_have_the_sizes),
		cmocka_unit_test(test_constants),
		cmocka_unit_test(test_each_version_has_one_layout),
		cmocka_unit_test(test_numbers_of_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
