/* SPDX-License-Identifier: MIT */
/* auditor - what must never happen, and what must happen in time.
 *
 * Keeps books of its own, from what it sees the world do, and holds the core against them. The
 * first violation says what it is, with seed and time, and ends the process; the same seed with
 * --trace tells the way there. */
#pragma once

#include "world.h"

/* Tell everything that happens on stdout from now on. */
void auditor_trace_all(void);
/* The wall clock is right all the time. */
void auditor_steady_clock(void);
void auditor_trace(const struct world *world, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

void auditor_begin(const struct world *world);
void auditor_end(const struct world *world);

/* ---- attempts: audit_attempts.c ---- */

/* A fetch for SLOT is started; one sends its request; the one for TOKEN was given up. */
void auditor_started(const struct world *world, unsigned slot);
void auditor_sent(const struct world *world, const struct fetch *fetch);
void auditor_abandoned(const struct world *world, const struct broker_token *token);
/* How a fetch has ended is about to be told to the broker, and was: TOKEN is what the broker says
 * it was for; it must say so if and only if it IS_CURRENT. */
void auditor_before(const struct world *world, unsigned slot, const struct outcome *outcome);
void auditor_after(const struct world *world, unsigned slot, bool is_current,
                   const struct broker_token *token);
/* TOKEN is said to be given up at its floor. */
void auditor_expired(const struct world *world, const struct broker_token *token);

/* ---- what operators do: audit_operators.c ---- */

/* SLOT was configured in another way; IS_ANOTHER: its token is another one from now on, or none.
 * All are tried again. */
void auditor_reconfigured(const struct world *world, unsigned slot, bool is_another);
/* An operator wants SLOT renewed. */
void auditor_refreshed(const struct world *world, unsigned slot);
/* A new broker has come after the last one; IS_BLANK: and knows nothing of it. */
void auditor_restarted(const struct world *world, bool is_blank);
/* Whether somebody has set the wall clock since it was asked last. */
bool auditor_clock_was_set(const struct world *world);
/* The machine has slept. */
void auditor_slept(const struct world *world);

/* ---- replies: audit_replies.c ---- */

/* WORKER is about to ask; it got its reply, AT_ONCE or after waiting; it waits no longer. */
void auditor_asked(const struct world *world, const struct worker *worker);
void auditor_replied(const struct world *world, const struct worker *worker, bool at_once);
void auditor_left(const struct world *world, const struct worker *worker);

/* ---- what users take: audit_users.c ---- */

/* WORKER wants AMOUNT of KIND instead of BEFORE, and has taken it or not. */
void auditor_took(const struct world *world, const struct worker *worker, enum quota_kind kind,
                  uint64_t before, uint64_t amount, bool taken);
/* A request of WORKER may be taken; it has to wait. */
void auditor_admitted(const struct world *world, const struct worker *worker);
void auditor_waits(const struct world *world, const struct worker *worker);
/* User UID has been given a place to wait; it finds none. */
void auditor_has_place(const struct world *world, uid_t uid);
void auditor_crowded(const struct world *world, uid_t uid);
/* There are other limits from now on. */
void auditor_limited(const struct world *world);
/* Counts again what is taken. */
void auditor_recount(const struct world *world);

/* ---- who follows tokens: audit_readers.c ---- */

/* READER wants to follow, and gets REPLY; it leaves; it is told something. */
void auditor_reader_came(const struct world *world, const struct reader *reader,
                         const struct reply *reply);
void auditor_reader_left(const struct world *world, const struct reader *reader);
void auditor_told(const struct world *world, const struct reader *reader,
                  const struct effect *effect);

/* ---- in time: audit_time.c ---- */

/* KIND is next to be done; whether bearerd was told that there IS nothing. */
void auditor_effect(const struct world *world, enum effect_kind kind, bool is_quiet);
/* The timer has fired, and what followed was carried out. */
void auditor_woken(const struct world *world);
/* After effects were carried out. */
void auditor_check(const struct world *world);
