/* SPDX-License-Identifier: BSD-3-Clause */
/* What one user may take of what is there for all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "fake_client.h"

enum { SOMEBODY = 4711, SOMEBODY_ELSE, CONNECTIONS = 8, MAPPINGS = 8 };

static struct fake_server fake;
static struct fake_client clients[CONNECTIONS + 1];
static uid_t whoever = (uid_t)-1; /* the user that the next connection is said to be of; -1: ours */

/* Instead of the library's. */
int getsockopt(int fd, int level, int name, void *value, socklen_t *bytes)
{
	int rc = (int)syscall(SYS_getsockopt, fd, level, name, value, bytes);

	if (rc == 0 && level == SOL_SOCKET && name == SO_PEERCRED && whoever != (uid_t)-1)
		((struct ucred *)value)->uid = whoever;
	return rc;
}

static int setup(void **state)
{
	struct verbs_server_config config = fake_config(VERBS_POLICY_ENGINE);

	(void)state;
	whoever = (uid_t)-1;
	config.connections = CONNECTIONS;
	config.mappings = MAPPINGS;
	fake_server_start(&fake, config, NULL, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	verbs_server_destroy(fake.server);
	return 0;
}

/* How many connections of this user are let in, up to `most`. */
static unsigned enter(uid_t user, struct fake_client list[], unsigned most)
{
	unsigned count = 0;

	whoever = user;
	for (; count < most; count++) {
		fake_client_open(&fake, &list[count]);
		if (fake_events(&list[count]) > 0) {
			assert_int_equal(list[count].event.event.reason, VERBS_REASON_LIMIT);
			fake_client_drop(&list[count]);
			break;
		}
	}
	return count;
}

static void test_places_of_one_user(void **state)
{
	unsigned count;

	(void)state;
	count = enter(SOMEBODY, clients, CONNECTIONS);
	assert_int_equal(count, CONNECTIONS / 2);
	count += enter(SOMEBODY_ELSE, &clients[count], 2);
	assert_int_equal(count, CONNECTIONS / 2 + 2);
	/* The engine's own user: all that are left. */
	count += enter((uid_t)-1, &clients[count], CONNECTIONS);
	assert_int_equal(count, CONNECTIONS);
	/* Who goes leaves his place. */
	fake_client_drop(&clients[0]);
	verbs_server_step(fake.server);
	assert_int_equal(enter(SOMEBODY, &clients[0], 1), 1);
	while (count > 0)
		fake_client_drop(&clients[--count]);
}

static unsigned regions_made(struct fake_client *client, struct fake_region regions[])
{
	unsigned count = 0;

	while (count < MAPPINGS && fake_reg(client, 4096, 15, 0, &regions[count]) == 0)
		count++;
	if (count < MAPPINGS)
		fake_region_drop(&regions[count]);
	return count;
}

static void test_mappings(void **state)
{
	struct fake_region regions[3][MAPPINGS];
	struct fake_queue queue;
	unsigned counts[3];

	(void)state;
	whoever = SOMEBODY;
	fake_client_start(&fake, &clients[0]);
	fake_client_start(&fake, &clients[1]);
	whoever = (uid_t)-1;
	fake_client_start(&fake, &clients[2]);
	/* With both of his connections half of them; a queue pair is one, too. */
	assert_int_equal(fake_queue_create(&clients[0], WEIR_QPT_RC, &queue), 0);
	counts[0] = regions_made(&clients[0], regions[0]);
	assert_int_equal(counts[0], MAPPINGS / 2 - 1);
	counts[1] = regions_made(&clients[1], regions[1]);
	assert_int_equal(counts[1], 0);
	counts[2] = regions_made(&clients[2], regions[2]);
	assert_int_equal(counts[2], MAPPINGS / 2);
	/* What was given up is there again. */
	assert_int_equal(fake_destroy(&clients[0], VERBS_DEREG_MR, regions[0][0].key), 0);
	fake_region_drop(&regions[0][0]);
	assert_int_equal(fake_reg(&clients[1], 4096, 15, 0, &regions[0][0]), 0);
	for (unsigned i = 0; i < 3; i++) {
		while (counts[i] > 0)
			fake_region_drop(&regions[i][--counts[i]]);
		fake_client_drop(&clients[i]);
	}
	fake_queue_drop(&queue);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_places_of_one_user),
		TEST(test_mappings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
