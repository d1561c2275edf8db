/* SPDX-License-Identifier: BSD-3-Clause */
/* weir explain-capture: which frames of a capture cannot have been on the wire, and why. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/units.h"
#include "capture/judge.h"
#include "capture/reader.h"
#include "command.h"
#include "explain_capture_report.h"

/* So much of what comes through a pipe can be read twice: less than the window of a reader. */
enum { PIPE_LEARN_BYTES = 512 * 1024 };
enum { MTU_MIN_BYTES = 68, MTU_MAX_BYTES = 262144 }; /* RFC 791's, and the largest frame read */

static const char *mtu_text;
static int as_json, each_frame;

static const struct option options[] = {
	{"mtu", 'm', OPTION_STRING, &mtu_text, "BYTES",
		"MTU of the link (found out by MSS and sizes, or 1500)"},
	{"frames", 'f', OPTION_FLAG, &each_frame, NULL,
		"a line for each frame that cannot have been on the wire"},
	{"json", 'j', OPTION_FLAG, &as_json, NULL,
		"print one JSON object; with --frames one for each frame, a line each, before it"},
	{NULL, 0, OPTION_FLAG, NULL, NULL, NULL},
};

static int failed(const struct error *error)
{
	fprintf(stderr, "weir explain-capture: %s\n", error->message);
	return EXIT_FAILED;
}

static bool is_file(const char *path)
{
	struct stat status;
	int rc = strcmp(path, "-") == 0 ? fstat(0, &status) : stat(path, &status);

	return rc == 0 && S_ISREG(status.st_mode);
}

/* The first reading: of a pipe, as much as can be read again. */
static int learn(
	struct judge *judge, struct capture_reader *reader, bool whole, struct error *error)
{
	struct frame frame;
	int rc;

	while ((rc = capture_reader_next(reader, &frame, error)) == 1) {
		struct capture_origin origin = capture_reader_origin(reader);

		judge_learn(judge, &frame, &origin);
		/* 64: more than a record's header takes in either format, options apart */
		if (!whole &&
			capture_reader_counts(reader)->bytes +
					capture_reader_counts(reader)->read * 64 >
				PIPE_LEARN_BYTES)
			break;
	}
	return rc < 0 ? rc : capture_reader_rewind(reader, error);
}

static bool is_shown(uint32_t found)
{
	for (unsigned kind = 0; kind < JUDGE_KIND_COUNT; kind++)
		if (found & 1u << kind && judge_kind_infos[kind].impossible)
			return true;
	return false;
}

static void show_frame(
	const struct judge_point *point, const struct judge_example *shown, uint32_t found)
{
	json_t *object;

	if (!as_json) {
		explain_capture_print_frame(stdout, point, shown, found);
		return;
	}
	object = explain_capture_frame_json(point, shown, found);
	json_dumpf(object, stdout, JSON_COMPACT);
	printf("\n");
	json_decref(object);
}

/* The second reading. */
static int judge_all(struct judge *judge, struct capture_reader *reader,
	struct explained_capture *capture, struct error *error)
{
	struct frame frame;
	int rc;

	while ((rc = capture_reader_next(reader, &frame, error)) == 1) {
		struct capture_origin origin = capture_reader_origin(reader);
		struct judge_example shown;
		uint32_t found = judge_frame(judge, &frame, &origin, &shown);

		if (capture->counts->frames == 1)
			capture->first_ns = frame.time_ns;
		capture->last_ns = frame.time_ns;
		if (each_frame && is_shown(found))
			show_frame(judge_point_of(judge, &origin), &shown, found);
	}
	return rc;
}

static int report(const struct explained_capture *capture)
{
	json_t *object;

	if (!as_json) {
		if (each_frame && capture->counts->frames > 0)
			printf("\n");
		explain_capture_print(stdout, capture);
	} else {
		object = explain_capture_json(capture);
		json_dumpf(object, stdout, each_frame ? JSON_COMPACT : JSON_INDENT(2));
		printf("\n");
		json_decref(object);
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "weir explain-capture: the report could not be written whole\n");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

static int explain(const char *path, struct judge *judge, struct capture_reader *reader)
{
	struct explained_capture capture = {
		.name = strcmp(path, "-") == 0 ? "standard input" : path,
		.judge = judge,
		.counts = capture_reader_counts(reader)};
	struct error error = {0};

	if (learn(judge, reader, is_file(path), &error) < 0 ||
		judge_all(judge, reader, &capture, &error) < 0)
		return failed(&error);
	capture.format = capture_reader_format(reader);
	return report(&capture);
}

static int run(int argc, char **argv)
{
	struct capture_reader *reader;
	struct error error = {0};
	struct judge *judge;
	uint64_t mtu = 0;
	int code;

	if (argc == 0)
		return command_usage_error(&command_explain_capture, "which FILE?");
	if (argc > 1)
		return command_usage_error(
			&command_explain_capture, "one FILE at a time, %d were given", argc);
	if (mtu_text != NULL &&
		(units_parse_bytes(mtu_text, &mtu) < 0 || mtu < MTU_MIN_BYTES ||
			mtu > MTU_MAX_BYTES))
		return command_usage_error(&command_explain_capture,
			"--mtu \"%s\": expected bytes, %d..%d", mtu_text, MTU_MIN_BYTES,
			MTU_MAX_BYTES);
	reader = capture_reader_open(argv[0], &error);
	if (reader == NULL)
		return failed(&error);
	judge = judge_create((uint32_t)mtu, &error);
	code = judge == NULL ? failed(&error) : explain(argv[0], judge, reader);
	judge_destroy(judge);
	capture_reader_close(reader);
	return code;
}

const struct command command_explain_capture = {
	.name = "explain-capture",
	.arguments = "FILE",
	.summary = "Says which frames of a capture cannot have been on the wire, and why",
	.description =
		"For a capture taken anywhere (tcpdump, Wireshark, weir; pcap or pcapng; - is "
		"standard input) that shows 2920-byte packets on a 1500-byte link: frames larger "
		"than the MTU or than the MSS their receiver announced, and whether their sender "
		"had not split them yet (TSO, GSO) or their receiver had merged them (GRO, LRO); "
		"BIG TCP; checksums that a network card was to finish; lengths that contradict "
		"each other; times that say nothing. Each with its frames, an explanation and "
		"what to do. Of a capture that weir took, each tap point is told by itself.\n\n"
		"Frames have the numbers that Wireshark gives them. A file is read twice, and what "
		"comes through a pipe once: what is learned of it is what its first half MiB "
		"says. Memory stays the same however large the capture. The exit status is 0 "
		"whatever is found.",
	.examples = "  weir explain-capture trace.pcap\n"
		    "  weir explain-capture trace.pcap --mtu 9000 --frames\n"
		    "  tcpdump -c 1000 -i eth0 -w - | weir explain-capture -\n",
	.options = options,
	.run = run,
};
