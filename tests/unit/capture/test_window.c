/* SPDX-License-Identifier: BSD-3-Clause */
/* The same capture through memory, a file, a pipe and standard input; and input that fails. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "scratch.h"

enum { RECORDS = 400 };

/* Several windows long, with records of all sizes up to the longest, and some longer. */
static void craft_many(struct craft *craft, uint64_t *seed)
{
	craft_pcap(craft, 0xa1b23c4d, 1);
	for (uint32_t i = 0; i < RECORDS; i++) {
		uint32_t length = 14 + seed_draw(seed, i % 16 == 0 ? 262131 : 1500);

		if (i % 128 == 77)
			length = 300000 + seed_draw(seed, 2000000);
		craft_pcap_record(craft, i, seed_draw(seed, 1000000000), length, length);
		craft_filler(craft, length);
	}
}

/* One number for all frames: their bytes, lengths and times. */
static uint64_t digest(struct capture_reader *reader)
{
	uint64_t sum = 0xcbf29ce484222325ull;
	struct error error = {0};
	struct frame frame;
	int result;

	while ((result = capture_reader_next(reader, &frame, &error)) == 1) {
		sum = (sum ^ frame.time_ns) * 0x100000001b3ull;
		sum = (sum ^ frame.length) * 0x100000001b3ull;
		for (uint32_t i = 0; i < frame.length; i++)
			sum = (sum ^ frame.bytes[i]) * 0x100000001b3ull;
	}
	if (result < 0)
		fail_msg("%s", error.message);
	craft_balanced(capture_reader_counts(reader));
	return sum;
}

struct feed {
	const struct craft *craft;
	const char *path;
	int fd; /* when there is no path */
	uint64_t seed;
};

/* A thread that writes into a pipe in pieces of any size. */
static void *feed_run(void *argument)
{
	struct feed *feed = argument;
	int fd = feed->path != NULL ? open(feed->path, O_WRONLY) : feed->fd;
	size_t done = 0;

	while (done < feed->craft->length) {
		size_t piece = 1 + seed_draw(&feed->seed, 200000);
		ssize_t written;

		if (piece > feed->craft->length - done)
			piece = feed->craft->length - done;
		written = write(fd, feed->craft->bytes + done, piece);
		if (written < 0)
			break;
		done += (size_t)written;
	}
	close(fd);
	return NULL;
}

static struct capture_reader *open_path(const char *path)
{
	struct error error = {0};
	struct capture_reader *reader = capture_reader_open(path, &error);

	if (reader == NULL)
		fail_msg("%s", error.message);
	return reader;
}

/* The reader's standard input becomes `fd`. Returns what it was. */
static int stdin_replace(int fd)
{
	int before = dup(STDIN_FILENO);

	assert_true(dup2(fd, STDIN_FILENO) >= 0);
	close(fd);
	return before;
}

static void stdin_restore(int before)
{
	dup2(before, STDIN_FILENO);
	close(before);
}

static void same_through_all_inputs(void **state)
{
	uint64_t seed = seed_choose();
	struct scratch scratch;
	struct craft craft = {0};
	struct capture_reader *reader;
	struct feed feed;
	struct error error = {0};
	pthread_t thread;
	uint64_t expected;
	int before;

	(void)state;
	scratch_begin(&scratch);
	craft_many(&craft, &seed);
	reader = craft_open(&craft);
	expected = digest(reader);
	assert_int_equal(capture_reader_counts(reader)->skipped[SKIP_too_long], 3);
	assert_int_equal(capture_reader_counts(reader)->read, RECORDS);
	capture_reader_close(reader);

	reader = open_path(scratch_write(&scratch, "file", &craft));
	for (int round = 0; round < 2; round++) {
		assert_int_equal(digest(reader), expected);
		assert_int_equal(capture_reader_counts(reader)->read, RECORDS);
		assert_int_equal(capture_reader_rewind(reader, NULL), 0);
	}
	capture_reader_close(reader);

	/* A file as standard input, which begins behind what somebody has read already. */
	before = stdin_replace(open(scratch.path, O_RDONLY));
	reader = open_path("-");
	for (int round = 0; round < 2; round++) {
		assert_int_equal(digest(reader), expected);
		assert_int_equal(capture_reader_rewind(reader, NULL), 0);
	}
	capture_reader_close(reader);
	stdin_restore(before);

	assert_int_equal(mkfifo(scratch_path(&scratch, "pipe"), 0600), 0);
	feed = (struct feed){.craft = &craft, .path = scratch.path, .seed = seed};
	assert_int_equal(pthread_create(&thread, NULL, feed_run, &feed), 0);
	reader = open_path(scratch.path);
	assert_int_equal(digest(reader), expected);
	assert_int_equal(capture_reader_rewind(reader, &error), -ESPIPE);
	assert_non_null(strstr(error.message, "pipe"));
	capture_reader_close(reader);
	pthread_join(thread, NULL);

	craft_end(&craft);
	scratch_end(&scratch, (const char *const[]){"file", "pipe", NULL});
}

static void craft_few(struct craft *craft, unsigned records)
{
	craft_pcap(craft, 0xa1b23c4d, 1);
	for (unsigned i = 0; i < records; i++) {
		craft_pcap_record(craft, i, 0, 60, 60);
		craft_filler(craft, 60);
	}
}

static void on_alarm(int signal_number)
{
	(void)signal_number;
}

/* A frame is given as soon as it is there; a signal gets through a wait; then reading goes on. */
static void live_pipe(void **state)
{
	struct craft craft = {0};
	struct capture_reader *reader;
	struct error error = {0};
	struct frame frame;
	struct sigaction action = {.sa_handler = on_alarm}, action_before;
	struct itimerval soon = {.it_value = {.tv_usec = 20000}};
	int ends[2], before;

	(void)state;
	craft_few(&craft, 2);
	assert_int_equal(pipe(ends), 0);
	before = stdin_replace(ends[0]);
	assert_int_equal(write(ends[1], craft.bytes, craft.length - 50), craft.length - 50);
	reader = open_path("-");
	craft_next(reader);
	assert_int_equal(sigaction(SIGALRM, &action, &action_before), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(capture_reader_next(reader, &frame, &error), -EINTR);
	assert_int_equal(write(ends[1], craft.bytes + craft.length - 50, 50), 50);
	close(ends[1]);
	craft_next(reader);
	craft_at_end(reader);
	/* So little was read that it is still in sight. */
	assert_int_equal(capture_reader_rewind(reader, NULL), 0);
	craft_next(reader);
	craft_next(reader);
	craft_at_end(reader);
	capture_reader_close(reader);
	sigaction(SIGALRM, &action_before, NULL);
	stdin_restore(before);
	craft_end(&craft);
}

static void *feed_late(void *argument)
{
	usleep(60000);
	return feed_run(argument);
}

/* What is passed over is passed over wholly, or the next record would not be found. */
static void signal_while_skipping(void **state)
{
	struct craft craft = {0}, rest;
	struct capture_reader *reader;
	struct sigaction action = {.sa_handler = on_alarm}, action_before;
	struct itimerval soon = {.it_value = {.tv_usec = 20000}};
	struct feed feed;
	sigset_t alarms;
	pthread_t thread;
	int ends[2], before;

	(void)state;
	craft_pcap(&craft, 0xa1b23c4d, 1);
	craft_pcap_record(&craft, 0, 0, 300000, 300000);
	craft_filler(&craft, 300000);
	craft_pcap_record(&craft, 0, 0, 60, 60);
	craft_filler(&craft, 60);
	assert_int_equal(pipe(ends), 0);
	before = stdin_replace(ends[0]);
	assert_int_equal(write(ends[1], craft.bytes, 1000), 1000);
	reader = open_path("-");
	rest = (struct craft){.bytes = craft.bytes + 1000, .length = craft.length - 1000};
	feed = (struct feed){.craft = &rest, .fd = ends[1], .seed = 1};
	/* The signal is for this thread, the one that waits. */
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarms, NULL);
	assert_int_equal(pthread_create(&thread, NULL, feed_late, &feed), 0);
	pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
	assert_int_equal(sigaction(SIGALRM, &action, &action_before), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(craft_next(reader).length, 60);
	assert_int_equal(craft_at_end(reader).skipped[SKIP_too_long], 1);
	capture_reader_close(reader);
	pthread_join(thread, NULL);
	sigaction(SIGALRM, &action_before, NULL);
	stdin_restore(before);
	craft_end(&craft);
}

/* A peer that goes away with unread data makes read() fail: an error, not an end. */
static void failing_input(void **state)
{
	struct craft craft = {0};
	struct capture_reader *reader;
	struct error error = {0};
	struct frame frame;
	int ends[2], before;

	(void)state;
	craft_few(&craft, 2);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(write(ends[0], "x", 1), 1);
	before = stdin_replace(ends[0]);
	assert_int_equal(write(ends[1], craft.bytes, craft.length - 50), craft.length - 50);
	reader = open_path("-");
	close(ends[1]);
	craft_next(reader);
	for (int again = 0; again < 2; again++) {
		memset(&error, 0, sizeof(error));
		assert_int_equal(capture_reader_next(reader, &frame, &error), -ECONNRESET);
		assert_non_null(strstr(error.message, "standard input"));
		assert_non_null(strstr(error.message, "after 1 records"));
	}
	craft_balanced(capture_reader_counts(reader));
	capture_reader_close(reader);
	stdin_restore(before);
	craft_end(&craft);
}

/* Somebody shortens the file meanwhile: that is a cut, and no SIGBUS. */
static void shrinking_file(void **state)
{
	struct scratch scratch;
	struct craft craft = {0};
	struct capture_reader *reader;
	struct frame frame;
	unsigned frames = 0;
	uint64_t expected;

	(void)state;
	scratch_begin(&scratch);
	craft_few(&craft, 50000); /* 3.8 MB */
	reader = open_path(scratch_write(&scratch, "file", &craft));
	expected = digest(reader);
	assert_int_equal(capture_reader_rewind(reader, NULL), 0);
	assert_int_equal(digest(reader), expected);
	assert_int_equal(capture_reader_rewind(reader, NULL), 0);
	craft_next(reader);
	assert_int_equal(truncate(scratch.path, 2000000), 0);
	while (capture_reader_next(reader, &frame, NULL) == 1)
		frames++;
	assert_int_equal(frames, (2000000 - 24) / 76 - 1);
	assert_int_equal(craft_at_end(reader).skipped[SKIP_damaged], 1);
	assert_int_equal(truncate(scratch.path, 3), 0);
	assert_int_equal(capture_reader_rewind(reader, NULL), -EINVAL);
	assert_int_equal(capture_reader_next(reader, &frame, NULL), 0);
	capture_reader_close(reader);
	craft_end(&craft);
	scratch_end(&scratch, (const char *const[]){"file", NULL});
}

static void refuses_what_cannot_be_read(void **state)
{
	static const struct {
		const char *path;
		int code;
	} cases[] = {{"/nowhere/file.pcap", ENOENT}, {"/tmp", EISDIR}, {"/dev/null", EINVAL},
		{"/proc/self/mem", EIO}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error error = {0};

		assert_null(capture_reader_open(cases[i].path, &error));
		assert_int_equal(error.code, cases[i].code);
		assert_int_equal(strncmp(error.message, cases[i].path, strlen(cases[i].path)), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_through_all_inputs),
		cmocka_unit_test(live_pipe),
		cmocka_unit_test(signal_while_skipping),
		cmocka_unit_test(failing_input),
		cmocka_unit_test(shrinking_file),
		cmocka_unit_test(refuses_what_cannot_be_read),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
