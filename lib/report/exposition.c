/* Prometheus text. A scrape of many proxies is long: no series is formatted by printf()
 * but those whose number is not whole, and its parts are appended in few pieces. */
#include <stdio.h>
#include <string.h>
#include "report/exposition.h"

static const char *const type_names[POOL_METRIC_TYPES] = {
	[POOL_METRIC_GAUGE] = "gauge",
	[POOL_METRIC_COUNTER] = "counter",
	[POOL_METRIC_HISTOGRAM] = "histogram",
};

/* --- families and series ---------------------------------------------------------- */

void pool_exposition_begin(struct pool_exposition *out, enum pool_metric_type type,
	const char *name, const char *help)
{
	out->type = type;
	snprintf(out->name, sizeof(out->name), "proxypool_%s", name);
	out->name_length = strlen(out->name);
	out->help = help;
	out->shown = false;
	out->labelled = false;
}

static void begin_series(struct pool_exposition *out, const char *suffix)
{
	if (!out->shown)
		pool_text_addf(out->text, "# HELP %s %s\n# TYPE %s %s\n", out->name,
			out->help, out->name, type_names[out->type]);
	out->shown = true;
	pool_text_add_bytes(out->text, out->name, out->name_length);
	if (*suffix)
		pool_text_add(out->text, suffix);
	out->labelled = false;
}

void pool_exposition_series(struct pool_exposition *out)
{
	begin_series(out, "");
}

/* --- labels ----------------------------------------------------------------------- */

static bool is_special(char byte)
{
	return byte == '"' || byte == '\\' || byte == '\n';
}

static void add_escaped(struct pool_text *text, const char *value)
{
	while (*value) {
		size_t plain = 0;

		while (value[plain] && !is_special(value[plain]))
			plain++;
		pool_text_add_bytes(text, value, plain);
		value += plain;
		if (!*value)
			return;
		pool_text_add_bytes(text, "\\", 1);
		pool_text_add_bytes(text, *value == '\n' ? "n" : value, 1);
		value++;
	}
}

/* A whole label in one piece, its length; 0: it has what must be escaped, or is long. */
static size_t write_label(char *out, size_t size, const char *name, const char *value)
{
	size_t length = 0;

	while (*name && length < size)
		out[length++] = *name++;
	if (length + 3 > size)
		return 0;
	out[length++] = '=';
	out[length++] = '"';
	for (; *value; value++) {
		if (is_special(*value) || length + 1 >= size)
			return 0;
		out[length++] = *value;
	}
	out[length++] = '"';
	return length;
}

void pool_exposition_label(
	struct pool_exposition *out, const char *name, const char *value)
{
	char piece[256];
	size_t length;

	piece[0] = out->labelled ? ',' : '{';
	length = write_label(piece + 1, sizeof(piece) - 1, name, value);
	pool_text_add_bytes(out->text, piece, length + 1);
	if (!length) {
		pool_text_add(out->text, name);
		pool_text_add_bytes(out->text, "=\"", 2);
		add_escaped(out->text, value);
		pool_text_add_bytes(out->text, "\"", 1);
	}
	out->labelled = true;
}

/* --- numbers ---------------------------------------------------------------------- */

enum { ENDING = 32 }; /* braces, any 64 bits, a point, a line feed */

/* <width> digits of <number>, and more where there are more, before <end>. */
static char *write_digits(char *end, uint64_t number, int width)
{
	do {
		*--end = (char)('0' + number % 10);
		number /= 10;
	} while (--width > 0 || number);
	return end;
}

/* The series ends with the number that stands from <at> to the end of an ending. */
static void end_series(struct pool_exposition *out, char *at, const char *end)
{
	*--at = ' ';
	if (out->labelled)
		*--at = '}';
	pool_text_add_bytes(out->text, at, (size_t)(end - at));
}

void pool_exposition_number(struct pool_exposition *out, uint64_t number)
{
	char ending[ENDING], *end = ending + ENDING, *at = end;

	*--at = '\n';
	at = write_digits(at, number, 1);
	end_series(out, at, end);
}

/* <number> of units of which 10^<places> are a second. */
static void add_fixed(struct pool_exposition *out, uint64_t number, int places)
{
	char ending[ENDING], *end = ending + ENDING, *at = end;
	uint64_t scale = 1;

	for (int i = 0; i < places; i++)
		scale *= 10;
	*--at = '\n';
	at = write_digits(at, number % scale, places);
	*--at = '.';
	at = write_digits(at, number / scale, 1);
	end_series(out, at, end);
}

void pool_exposition_us(struct pool_exposition *out, uint64_t us)
{
	add_fixed(out, us, 6);
}

void pool_exposition_ns(struct pool_exposition *out, uint64_t ns)
{
	add_fixed(out, ns, 9);
}

void pool_exposition_real(struct pool_exposition *out, double number)
{
	pool_text_addf(out->text, "%s %.9g\n", out->labelled ? "}" : "", number);
}

/* --- histograms ------------------------------------------------------------------- */

static void begin_part(struct pool_exposition *out, const char *suffix, const char *label,
	const char *value)
{
	begin_series(out, suffix);
	if (label)
		pool_exposition_label(out, label, value);
}

void pool_exposition_histogram(struct pool_exposition *out, const char *label,
	const char *value, const struct pool_exposition_buckets *buckets)
{
	uint64_t below = 0;

	for (size_t i = 0; i <= buckets->bound_count; i++) {
		char bound[40] = "+Inf";

		if (i < buckets->bound_count)
			snprintf(bound, sizeof(bound), "%.9g",
				(double)buckets->bounds_us[i] / 1e6);
		below += buckets->counts[i];
		begin_part(out, "_bucket", label, value);
		pool_exposition_label(out, "le", bound);
		pool_exposition_number(out, below);
	}
	begin_part(out, "_sum", label, value);
	pool_exposition_ns(out, buckets->sum_ns);
	begin_part(out, "_count", label, value);
	pool_exposition_number(out, below);
}
