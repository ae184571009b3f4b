/* SPDX-License-Identifier: MIT */
/* incarnation - which process this is, told without a system call.
 *
 * Owns one page that the kernel wipes in the child of a fork. What was made in one incarnation is
 * no business of the next one's. Without locks: a lock might be held by a thread that the fork
 * left behind. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct incarnation_page {
        _Atomic uint64_t number; /* 0: wiped, or not yet asked for */
};

struct incarnation {
        struct incarnation_page
                *page;           /* NULL: the kernel does not wipe (before Linux 4.14, gVisor) */
        _Atomic uint64_t births; /* numbers that were given out, here and by what forked us */
};

/* 0, or -ENOMEM. */
int incarnation_init(struct incarnation *incarnation);
void incarnation_deinit(struct incarnation *incarnation);

/* This process's number, never 0, and none of its ancestors' since incarnation_init(). */
uint64_t incarnation_current(struct incarnation *incarnation);
