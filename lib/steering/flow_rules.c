/* SPDX-License-Identifier: BSD-3-Clause */
#include "steering/flow_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = sizeof(struct flow_fields) / sizeof(uint64_t), ADDRESS_BYTES = 16 };

struct words {
	uint64_t word[WORDS];
};

/* Entries are found from their hash on, until an empty one: half of them are. */
struct flow_entry {
	struct words key;
	uint32_t rank; /* among all rules, 0 the best; FLOW_RULES_NONE: empty */
	uint32_t target;
};

/* The rules that look at the same bits. */
struct flow_table {
	struct words mask;
	uint32_t best_rank, index_mask;
	struct flow_entry *entries; /* [index_mask + 1] */
};

struct flow_rules {
	unsigned table_count;
	bool one_target;
	uint32_t target;
	struct flow_table tables[]; /* by best_rank */
};

/* ---- rules ---- */

static int check_prefix(
	const struct flow_rule *rule, uint32_t bit, unsigned prefix, struct error *error)
{
	unsigned most = rule->ip_version == 4 ? 32 : 128;

	if ((rule->match & bit) == 0)
		return 0;
	if (rule->ip_version != 4 && rule->ip_version != 6)
		return error_set(error, EINVAL,
			"found ip_version %u with an address, expected 4 or 6", rule->ip_version);
	if (prefix > most)
		return error_set(error, EINVAL,
			"found a prefix of %u bits for IPv%u, expected %u at most", prefix,
			rule->ip_version, most);
	return 0;
}

int flow_rule_check(const struct flow_rule *rule, struct error *error)
{
	if ((rule->match & ~(uint32_t)FLOW_RULE_ALL_BITS) != 0)
		return error_set(error, EINVAL, "found bits 0x%x in match, expected WEIR_FLOW_*",
			rule->match);
	if ((rule->match & FLOW_RULE_VLAN) != 0 && (rule->vlan == 0 || rule->vlan > 4094))
		return error_set(error, EINVAL, "found VLAN %u, expected 1 to 4094", rule->vlan);
	if (check_prefix(rule, FLOW_RULE_SOURCE, rule->source_prefix, error) != 0)
		return -EINVAL;
	return check_prefix(rule, FLOW_RULE_DESTINATION, rule->destination_prefix, error);
}

static void prefix_mask(uint8_t mask[ADDRESS_BYTES], unsigned bits)
{
	memset(mask, 0xff, bits / 8);
	if (bits % 8 != 0)
		mask[bits / 8] = (uint8_t)(0xff00 >> bits % 8);
}

static void rule_fields(
	const struct flow_rule *rule, struct flow_fields *key, struct flow_fields *mask)
{
	const uint32_t addresses = FLOW_RULE_SOURCE | FLOW_RULE_DESTINATION;
	const uint32_t ports = FLOW_RULE_SOURCE_PORT | FLOW_RULE_DESTINATION_PORT;
	const uint32_t match = rule->match;

	memset(key, 0, sizeof(*key));
	memset(mask, 0, sizeof(*mask));
	if ((match & addresses) != 0) {
		mask->kind |= FLOW_KIND_IP | FLOW_KIND_IPV6;
		key->kind |= FLOW_KIND_IP | (rule->ip_version == 6 ? FLOW_KIND_IPV6 : 0);
	}
	if ((match & FLOW_RULE_SOURCE) != 0)
		prefix_mask(mask->source, rule->source_prefix);
	if ((match & FLOW_RULE_DESTINATION) != 0)
		prefix_mask(mask->destination, rule->destination_prefix);
	memcpy(key->source, rule->source, sizeof(key->source));
	memcpy(key->destination, rule->destination, sizeof(key->destination));
	if ((match & FLOW_RULE_VLAN) != 0)
		mask->vlan = UINT16_MAX;
	key->vlan = rule->vlan;
	if ((match & FLOW_RULE_PROTOCOL) != 0) {
		mask->protocol = UINT8_MAX;
		mask->kind |= FLOW_KIND_IP;
		key->kind |= FLOW_KIND_IP;
	}
	key->protocol = rule->protocol;
	if ((match & ports) != 0) {
		mask->kind |= FLOW_KIND_PORTS;
		key->kind |= FLOW_KIND_PORTS;
	}
	if ((match & FLOW_RULE_SOURCE_PORT) != 0)
		mask->source_port = UINT16_MAX;
	if ((match & FLOW_RULE_DESTINATION_PORT) != 0)
		mask->destination_port = UINT16_MAX;
	key->source_port = rule->source_port;
	key->destination_port = rule->destination_port;
}

void flow_rule_mask(const struct flow_rule *rule, struct flow_fields *ret_mask)
{
	struct flow_fields key;

	rule_fields(rule, &key, ret_mask);
}

static struct words words_of(const struct flow_fields *fields)
{
	struct words words;

	memcpy(&words, fields, sizeof(words));
	return words;
}

static inline struct words words_and(const struct words *one, const struct words *other)
{
	struct words both = {{0}};

	for (unsigned i = 0; i < WORDS; i++)
		both.word[i] = one->word[i] & other->word[i];
	return both;
}

static inline bool words_equal(const struct words *one, const struct words *other)
{
	uint64_t differs = 0;

	for (unsigned i = 0; i < WORDS; i++)
		differs |= one->word[i] ^ other->word[i];
	return differs == 0;
}

static inline uint32_t words_hash(const struct words *words)
{
	uint64_t hash = 0;

	for (unsigned i = 0; i < WORDS; i++) {
		hash = (hash ^ words->word[i]) * 0x9e3779b97f4a7c15;
		hash ^= hash >> 32;
	}
	return (uint32_t)hash;
}

/* ---- a set of them ---- */

struct ranked {
	uint32_t index, priority, bits;
};

static uint32_t prefix_bits(const struct flow_rule *rule)
{
	return ((rule->match & FLOW_RULE_SOURCE) != 0 ? rule->source_prefix : 0u) +
		((rule->match & FLOW_RULE_DESTINATION) != 0 ? rule->destination_prefix : 0u);
}

static int compare_ranked(const void *left, const void *right)
{
	const struct ranked *one = left, *other = right;

	if (one->priority != other->priority)
		return one->priority < other->priority ? -1 : 1;
	if (one->bits != other->bits)
		return one->bits > other->bits ? -1 : 1;
	return one->index < other->index ? -1 : 1;
}

static struct flow_table *table_of(struct flow_rules *set, const struct words *mask, uint32_t rank)
{
	struct flow_table *table;

	for (unsigned t = 0; t < set->table_count; t++)
		if (words_equal(&set->tables[t].mask, mask))
			return &set->tables[t];
	table = &set->tables[set->table_count++];
	table->mask = *mask;
	table->best_rank = rank;
	return table;
}

/* index_mask counts the rules until there is memory for them. */
static bool table_allocate(struct flow_table *table)
{
	uint32_t size = 2;

	while (size < 2 * table->index_mask)
		size *= 2;
	table->index_mask = size - 1;
	table->entries = malloc(size * sizeof(*table->entries));
	for (uint32_t i = 0; table->entries != NULL && i < size; i++)
		table->entries[i].rank = FLOW_RULES_NONE;
	return table->entries != NULL;
}

/* In the order of ranks: of two rules for the same packets the first wins. */
static void table_add(
	struct flow_table *table, const struct words *key, uint32_t rank, uint32_t target)
{
	uint32_t at = words_hash(key) & table->index_mask;

	for (; table->entries[at].rank != FLOW_RULES_NONE; at = (at + 1) & table->index_mask)
		if (words_equal(&table->entries[at].key, key))
			return;
	table->entries[at] = (struct flow_entry){.key = *key, .rank = rank, .target = target};
}

static bool fill(struct flow_rules *set, const struct flow_rule rules[],
	const struct ranked ranked[], unsigned count)
{
	struct flow_fields key, mask;

	for (unsigned rank = 0; rank < count; rank++) {
		struct words bits;

		rule_fields(&rules[ranked[rank].index], &key, &mask);
		bits = words_of(&mask);
		table_of(set, &bits, rank)->index_mask++;
	}
	for (unsigned t = 0; t < set->table_count; t++)
		if (!table_allocate(&set->tables[t]))
			return false;
	for (unsigned rank = 0; rank < count; rank++) {
		struct words bits, wanted;

		rule_fields(&rules[ranked[rank].index], &key, &mask);
		bits = words_of(&mask);
		wanted = words_of(&key);
		wanted = words_and(&wanted, &bits);
		table_add(table_of(set, &bits, rank), &wanted, rank,
			rules[ranked[rank].index].target);
	}
	return true;
}

struct flow_rules *flow_rules_create(const struct flow_rule rules[], unsigned count)
{
	struct flow_rules *set = calloc(1, sizeof(*set) + count * sizeof(set->tables[0]));
	struct ranked *ranked = calloc(count + 1u, sizeof(*ranked));
	bool made = set != NULL && ranked != NULL;

	if (made) {
		for (unsigned i = 0; i < count; i++)
			ranked[i] = (struct ranked){i, rules[i].priority, prefix_bits(&rules[i])};
		qsort(ranked, count, sizeof(*ranked), compare_ranked);
		made = fill(set, rules, ranked, count);
	}
	if (made && count > 0) {
		set->one_target = rules[ranked[0].index].match == 0;
		set->target = rules[ranked[0].index].target;
	}
	free(ranked);
	return made ? set : flow_rules_destroy(set);
}

struct flow_rules *flow_rules_destroy(struct flow_rules *set)
{
	if (set == NULL)
		return NULL;
	for (unsigned t = 0; t < set->table_count; t++)
		free(set->tables[t].entries);
	free(set);
	return NULL;
}

bool flow_rules_one_target(const struct flow_rules *set, uint32_t *ret_target)
{
	*ret_target = set->target;
	return set->one_target;
}

/* ---- lookup ---- */

static void table_find(const struct flow_table *table, const struct words packets[], unsigned count,
	uint32_t ranks[], uint32_t ret_targets[])
{
	struct words keys[FLOW_RULES_BURST];
	uint32_t at[FLOW_RULES_BURST];

	/* All lines are asked for before the first is needed. */
	for (unsigned i = 0; i < count; i++) {
		keys[i] = words_and(&packets[i], &table->mask);
		at[i] = words_hash(&keys[i]) & table->index_mask;
		__builtin_prefetch(&table->entries[at[i]]);
	}
	for (unsigned i = 0; i < count; i++) {
		const struct flow_entry *entry = &table->entries[at[i]];

		while (entry->rank != FLOW_RULES_NONE && !words_equal(&entry->key, &keys[i])) {
			at[i] = (at[i] + 1) & table->index_mask;
			entry = &table->entries[at[i]];
		}
		if (entry->rank < ranks[i]) {
			ranks[i] = entry->rank;
			ret_targets[i] = entry->target;
		}
	}
}

void flow_rules_find(const struct flow_rules *set, const struct flow_fields fields[],
	unsigned count, uint32_t ret_targets[])
{
	struct words packets[FLOW_RULES_BURST];
	uint32_t ranks[FLOW_RULES_BURST];

	for (unsigned i = 0; i < count; i++) {
		packets[i] = words_of(&fields[i]);
		ranks[i] = FLOW_RULES_NONE;
		ret_targets[i] = FLOW_RULES_NONE;
	}
	for (unsigned t = 0; t < set->table_count; t++) {
		uint32_t worst = 0;

		for (unsigned i = 0; i < count; i++)
			worst = ranks[i] > worst ? ranks[i] : worst;
		/* Tables are in the order of their best rules. */
		if (worst < set->tables[t].best_rank)
			return;
		table_find(&set->tables[t], packets, count, ranks, ret_targets);
	}
}
