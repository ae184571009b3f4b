/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "bearer.h"
#include "client/bearerctl_live.h"
#include "client/bearerctl_screen.h"
#include "client/output.h"
#include "client/signals.h"
#include "client/terminal.h"

#define INTERVAL NSEC_PER_SEC

struct live {
        const struct ctl *ctl;
        struct terminal terminal;
        struct status now, before;
        uint64_t asked_at, asked_before;
        int error;          /* of the last question */
        const char *advice; /* on that */
        int signals;
        int ended_by; /* a signal that ends it for good; 0: none */
        bool is_over;
        bool is_utf8;
};

bool live_is_possible(void) {
        return terminal_is_fit(SCREEN_COLUMNS_MIN, SCREEN_LINES_MIN);
}

/* While it does not answer, what it said last stays, and that is said. */
static void ask_again(struct live *live) {
        struct status status = STATUS_INIT;

        live->error = status_ask(live->ctl, &status);
        if (live->error != 0) {
                live->advice = status_advice(&status, live->error);
                status_deinit(&status);
                return;
        }
        status_deinit(&live->before);
        live->before = live->now;
        live->now = status; /* consumed */
        live->asked_before = live->asked_at;
        live->asked_at = clock_now();
}

static int draw(const struct live *live) {
        _cleanup_(buffer_deinit) struct buffer out = BUFFER_INIT(OUTPUT_MAX);
        struct screen screen = {
                .is_utf8 = live->is_utf8,
                .answer = live->now.answer,
                .is_full = live->now.is_full,
                .before = live->before.answer,
                .elapsed = live->asked_at - live->asked_before,
                .trouble = live->error != 0 ? ctl_text(live->error) : NULL,
                .advice = live->advice,
                .age = time_until(clock_now(), live->asked_at) / NSEC_PER_SEC,
        };

        terminal_size(&screen.columns, &screen.lines);
        screen_draw(&out, &screen);
        return terminal_show(&out);
}

/* Ctrl-Z: the shell wants its screen. */
static void stop(struct live *live) {
        terminal_leave(&live->terminal);
        kill(getpid(), SIGSTOP);
        terminal_enter(&live->terminal);
}

static void take_signals(struct live *live) {
        int number;

        while ((number = signals_take(live->signals, NULL)) > 0) {
                if (number == SIGTSTP)
                        stop(live);
                else if (number == SIGINT)
                        live->is_over = true;
                else if (number != SIGWINCH && number != SIGCONT)
                        live->ended_by = number;
        }
        live->is_over |= live->ended_by != 0;
}

static void take_keys(struct live *live) {
        char keys[64];
        ssize_t n = read(STDIN_FILENO, keys, sizeof keys);

        if (n <= 0)
                live->terminal.has_keys = false; /* it is gone */
        for (ssize_t i = 0; i < n; i++)
                live->is_over |= keys[i] == 'q' || keys[i] == 'Q';
}

static int go_on(struct live *live) {
        uint64_t next = clock_now() + INTERVAL;
        int r = draw(live);

        while (r == 0 && !live->is_over) {
                struct pollfd ready[] = {
                        {.fd = live->signals, .events = POLLIN},
                        {.fd = live->terminal.has_keys ? STDIN_FILENO : -1, .events = POLLIN},
                };
                uint64_t left = time_until(next, clock_now());

                if (poll(ready, 2, (int)(left / NSEC_PER_MSEC) + 1) < 0 && errno != EINTR)
                        return -errno;
                if (ready[0].revents)
                        take_signals(live);
                if (ready[1].revents)
                        take_keys(live);
                if (clock_now() >= next) {
                        ask_again(live);
                        next = clock_now() + INTERVAL;
                }
                if (!live->is_over)
                        r = draw(live);
        }
        return r;
}

static void live_deinit(struct live *live) {
        status_deinit(&live->now);
        status_deinit(&live->before);
        if (live->signals >= 0)
                close(live->signals);
}

static int fail(int r) {
        fprintf(stderr, "bearerctl: the terminal: %s; --once needs none\n", bearer_strerror(r));
        return EX_IOERR;
}

int live_view(const struct ctl *ctl, struct status *status) {
        static const int numbers[] = {SIGINT,  SIGTERM, SIGHUP,   SIGQUIT,
                                      SIGTSTP, SIGCONT, SIGWINCH, 0};
        _cleanup_(live_deinit) struct live live = {.ctl = ctl,
                                                   .now = *status,
                                                   .asked_at = clock_now(),
                                                   .asked_before = clock_now(),
                                                   .is_utf8 = terminal_has_utf8()};
        sigset_t mask;
        int r;

        *status = STATUS_INIT; /* consumed */
        live.signals = signals_open(numbers, &mask);
        if (live.signals < 0)
                return fail(live.signals);
        r = terminal_enter(&live.terminal);
        if (r == 0)
                r = go_on(&live);
        terminal_leave(&live.terminal);
        if (live.ended_by != 0) {
                pthread_sigmask(SIG_SETMASK, &mask, NULL);
                raise(live.ended_by);
        }
        return r < 0 ? fail(r) : EX_OK;
}
