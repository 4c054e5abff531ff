/*
 * What a command is given: its environment, and its arguments where they are templates.
 */
#ifndef POOL_EXEC_WORDS_H
#define POOL_EXEC_WORDS_H

#include <stdbool.h>
#include "report/answer.h"

struct exec_words {
	char **argv; /* ends with NULL */
	char **envp; /* ends with NULL */
	char **own;  /* strings that are ours among those of argv */
	char *text;  /* lines that envp points into, and their length */
	size_t text_length;
	bool cleared_bypass; /* NO_PROXY or no_proxy was set, and is not any more */
};

struct exec_words_options {
	char *const *argv;
	struct pool_answer_query query;
	bool keep_bypass; /* NO_PROXY and no_proxy stay */
	bool templates;   /* %{name} in the arguments behind the command */
};

/*
 * The words for a run through the proxy of <choice>; NULL: through none.
 *
 * Returns 0, or POOL_EINVALID, POOL_ENOMEM. Release it: it wipes.
 */
int exec_words_init(struct exec_words *words, const struct exec_words_options *options,
	const struct pool_choice *choice, struct pool_fault *fault);
void exec_words_release(struct exec_words *words);

/* Judge the templates beforehand: 0 or POOL_EARGUMENT. */
int exec_words_check(char *const *argv, struct pool_fault *fault);

#endif
