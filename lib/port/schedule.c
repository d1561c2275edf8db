/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/schedule.h"

#include "base/clock.h"

void schedule_init(struct schedule *schedule, struct speed speed, uint64_t tsc_hz)
{
	*schedule = (struct schedule){
		.speed = speed,
		.cycles_per_ns = (long double)tsc_hz / NS_PER_SECOND,
	};
}

void schedule_restart(struct schedule *schedule)
{
	schedule->packets = 0;
	schedule->bits = 0;
}

/* Cycles after the start of the loop at which a packet is due that follows `packets` packets with
 * `bits` bits and comes `ns` after the first one. */
static long double schedule_offset(
	const struct schedule *schedule, uint64_t packets, uint64_t bits, long double ns)
{
	long double hz = schedule->cycles_per_ns * NS_PER_SECOND;

	switch (schedule->speed.kind) {
	case SPEED_TOP: return 0;
	case SPEED_ORIGINAL: return ns * schedule->cycles_per_ns;
	case SPEED_MULTIPLE: return ns * schedule->cycles_per_ns / schedule->speed.value;
	case SPEED_PPS: return (long double)packets * hz / schedule->speed.value;
	case SPEED_BPS: return (long double)bits * hz / schedule->speed.value;
	}
	return 0;
}

uint64_t schedule_add(struct schedule *schedule, const struct frame *frame)
{
	long double offset;

	if (schedule->packets == 0)
		schedule->first_ns = schedule->now_ns = frame->time_ns;
	else if (frame->time_ns > schedule->now_ns)
		schedule->now_ns = frame->time_ns;
	offset = schedule_offset(schedule, schedule->packets, schedule->bits,
		(long double)(schedule->now_ns - schedule->first_ns));
	schedule->packets++;
	schedule->bits += 8ull * frame->length;
	return (uint64_t)(offset + 0.5L);
}

long double schedule_span(const struct schedule *schedule)
{
	long double ns = (long double)(schedule->now_ns - schedule->first_ns);

	if (schedule->packets > 1)
		ns += ns / (long double)(schedule->packets - 1);
	return schedule_offset(schedule, schedule->packets, schedule->bits, ns);
}
