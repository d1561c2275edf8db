/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Small reads from sysfs and procfs below a root folder. Paths are given without a leading slash
 * ("sys/devices/system/cpu/online"), `root` is "" for the running machine.
 * Any thread. Nothing is kept open.
 */
#ifndef WEIR_PLACEMENT_SYSFS_H
#define WEIR_PLACEMENT_SYSFS_H

#include <sched.h>
#include <stddef.h>
#include <stdint.h>

/* The file's text without trailing white space, cut to `size`. Its length, or -errno. */
int sysfs_read_text(const char *root, char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* A decimal number that fills the file. 0, -errno, or -EINVAL when it is none. */
int sysfs_read_number(const char *root, int64_t *ret_number, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A list such as "0-3,8". Members from CPU_SETSIZE up are left out. 0, -errno or -EINVAL. */
int sysfs_read_list(const char *root, cpu_set_t *ret_set, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* 0, or -EINVAL. An empty text is the empty set. */
int list_parse(const char *text, cpu_set_t *ret_set);

/* "0-3,8"; cut with "..." where `size` is too small. Returns `text`. */
const char *list_format(const cpu_set_t *set, char *text, size_t size);

/* The lowest member, or -1. */
int list_first(const cpu_set_t *set);

#endif
