/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "wire/slots.h"

#define TEXT_MAX ((size_t)256)
#define OLD      SLICE("the text before")
#define NEW      SLICE("the text after, which is a longer one")

static const struct slots_boot boot = {{1, 2, 3}};
static void *memory; /* shared with children */
static size_t size;

static int setup(void **state) {
        size = slots_size(TEXT_MAX);
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
                return -1;
        slots_format(memory, size, &boot);
        return 0;
}

static int teardown(void **state) {
        return munmap(memory, size);
}

static bool holds(struct slice text) {
        return memmem(memory, size, text.data, text.size) != NULL;
}

static bool reads(struct slice text) {
        struct slice found;

        return slots_read(memory, size, &boot, &found) == 0 && found.size == text.size &&
               memcmp(found.data, text.data, text.size) == 0;
}

static void assert_useless(int why) {
        struct slice untouched = SLICE("untouched");

        assert_int_equal(slots_read(memory, size, &boot, &untouched), why);
        assert_true(slice_is(untouched, "untouched"));
}

static void test_new_memory_has_no_text(void **state) {
        assert_useless(-ENODATA);
        memset(memory, 0, size);
        assert_useless(-ENODATA);
}

static void test_what_was_written_last_is_read(void **state) {
        char longest[TEXT_MAX];

        memset(longest, 'x', sizeof longest);
        for (int i = 0; i < 3; i++) {
                slots_write(memory, size, OLD);
                assert_true(reads(OLD));
                slots_write(memory, size, (struct slice){longest, sizeof longest});
                assert_true(reads((struct slice){longest, sizeof longest}));
                slots_write(memory, size, SLICE(""));
                assert_true(reads(SLICE("")));
        }
}

static void test_what_was_replaced_is_gone(void **state) {
        slots_write(memory, size, OLD);
        assert_true(holds(OLD));
        slots_write(memory, size, NEW);
        assert_false(holds(OLD));
        slots_write(memory, size, OLD);
        assert_false(holds(NEW));
}

static void test_formatting_forgets(void **state) {
        slots_write(memory, size, OLD);
        slots_write(memory, size, NEW);
        slots_format(memory, size, &boot);
        assert_useless(-ENODATA);
}

/* Stops the child after every single instruction, and looks at what it would leave if it died
 * there. How often it was stopped. */
static unsigned long step_through(pid_t child, bool *ret_seen_new) {
        unsigned long steps = 0;
        int status;

        for (;; steps++) {
                assert_int_equal(waitpid(child, &status, 0), child);
                if (WIFEXITED(status))
                        break;
                assert_true(WIFSTOPPED(status));
                if (*ret_seen_new) {
                        assert_true(reads(NEW));
                } else if (reads(NEW)) {
                        *ret_seen_new = true;
                } else {
                        assert_true(reads(OLD));
                }
                assert_int_equal(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
        }
        assert_int_equal(WEXITSTATUS(status), 0);
        return steps;
}

static void test_writer_may_die_at_any_instruction(void **state) {
        bool seen_new = false;
        pid_t child;

        slots_write(memory, size, OLD);
        child = fork();
        if (child == 0) {
                ptrace(PTRACE_TRACEME, 0, NULL, NULL);
                raise(SIGSTOP);
                slots_write(memory, size, NEW);
                _exit(0);
        }
        assert_true(child > 0);
        assert_true(step_through(child, &seen_new) > 100);
        assert_true(seen_new);
        assert_false(holds(OLD));
}

static void test_another_boot_is_told(void **state) {
        const struct slots_boot other = {{1, 2, 4}};
        struct slice text;

        slots_write(memory, size, OLD);
        assert_int_equal(slots_read(memory, size, &other, &text), -ESTALE);
}

static void test_another_version_is_told(void **state) {
        slots_write(memory, size, OLD);
        ((uint32_t *)memory)[3]++;
        assert_useless(-EPROTONOSUPPORT);
}

/* Every bit of what there is to be read, in either slot. */
static void test_damage_is_told(void **state) {
        unsigned char *bytes = memory;

        for (int i = 0; i < 2; i++) {
                const char *text;

                slots_write(memory, size, OLD);
                text = memmem(memory, size, OLD.data, OLD.size);
                for (size_t at = (size_t)(text - (char *)memory) - 24;
                     at < (size_t)(text - (char *)memory) + OLD.size; at++) {
                        for (int bit = 0; bit < 8; bit++) {
                                bytes[at] ^= (unsigned char)(1 << bit);
                                assert_false(reads(OLD));
                                assert_false(reads(NEW));
                                bytes[at] ^= (unsigned char)(1 << bit);
                        }
                }
                assert_true(reads(OLD));
                slots_write(memory, size, NEW);
        }
        bytes[0] ^= 1;
        assert_useless(-EBADMSG);
}

/* It may be the newer one. */
static void test_damage_in_the_other_slot_is_told_too(void **state) {
        size_t slot = (size - 32) / 2;
        unsigned char *bytes = memory;

        slots_write(memory, size, OLD); /* in the first one */
        bytes[32 + slot] = 1;           /* its serial number */
        assert_useless(-EBADMSG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_new_memory_has_no_text),
                TEST(test_what_was_written_last_is_read),
                TEST(test_what_was_replaced_is_gone),
                TEST(test_formatting_forgets),
                TEST(test_writer_may_die_at_any_instruction),
                TEST(test_another_boot_is_told),
                TEST(test_another_version_is_told),
                TEST(test_damage_is_told),
                TEST(test_damage_in_the_other_slot_is_told_too),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
