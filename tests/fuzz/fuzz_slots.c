/* SPDX-License-Identifier: MIT */
/* The memory that a text is kept in. Bytes that begin with "#" are a story: "w" and a line writes
 * it, "x" with an offset and a byte damages what is there. Any others are the memory, as an earlier
 * life has left it. Beyond not crashing: what is read is what was written last, or an error; a text
 * is within the memory; what was replaced is gone. */
#include <errno.h>

#include "fuzz.h"
#include "wire/slots.h"

#define TEXT_MAX 64u

static const struct slots_boot boot = {"the boot that is"}, other_boot = {"the boot before"};

static int read_slots(const char *memory, size_t size, struct slice *ret_text) {
        struct slice text = {memory, SIZE_MAX};
        int r = slots_read(memory, size, &boot, &text);

        HOLDS(r == 0 || r == -ENODATA || r == -EPROTONOSUPPORT || r == -ESTALE || r == -EBADMSG,
              "there is a text, or a reason");
        if (r < 0)
                HOLDS(text.data == memory && text.size == SIZE_MAX,
                      "results are written on success only");
        else
                HOLDS(is_within(text, (struct slice){memory, size}), "a text is in the memory");
        if (r == 0)
                *ret_text = text;
        return r;
}

static void check_written(char *memory, size_t size, struct slice text) {
        struct slice read;

        slots_write(memory, size, text);
        HOLDS(read_slots(memory, size, &read) == 0 && is_same(read, text),
              "what is written is what is read");
        HOLDS(slots_read(memory, size, &other_boot, &read) == -ESTALE, "a boot is known");
}

/* What is in MEMORY, and then something else. */
static void check_image(struct slice image) {
        size_t size = slots_size((image.size / 16) * 8);
        char *memory = calloc(1, size);
        struct slice text;

        HOLDS(memory, "there is memory");
        memcpy(memory, image.data, image.size < size ? image.size : size);
        if (read_slots(memory, size, &text) < 0)
                slots_format(memory, size, &boot);
        HOLDS(slots_read(memory, size, &boot, &text) != -EBADMSG, "what was formatted is whole");
        check_written(memory, size, (struct slice){"12345678", size > slots_size(8) ? 8 : 0});
        free(memory);
}

static void damage(char *memory, size_t size, struct slice where) {
        if (where.size >= 2)
                memory[(unsigned char)where.data[0] % size] ^= where.data[1];
}

/* Whether TEXT is anywhere else than where CURRENT, a shorter one, begins; what is in empty slots
 * as well is not looked for. */
static bool is_left(const char *memory, size_t size, const char *text, struct slice current) {
        const char *found = memmem(memory, size, text, strlen(text));
        char *empty = calloc(1, size);
        bool is_anywhere;

        HOLDS(empty, "there is memory");
        slots_format(empty, size, &boot);
        is_anywhere = memmem(empty, size, text, strlen(text));
        free(empty);
        return found && !is_anywhere &&
               (found > current.data || found + strlen(text) <= current.data);
}

static void check_story(struct slice story) {
        const size_t size = slots_size(TEXT_MAX);
        char *memory = calloc(1, size), last[TEXT_MAX + 1] = "";
        bool is_damaged = false;
        struct slice line, text;

        HOLDS(memory, "there is memory");
        HOLDS(read_slots(memory, size, &text) == -ENODATA, "what is new is empty");
        slots_format(memory, size, &boot);
        while (slice_cut(&story, '\n', &line)) {
                if (line.size > 0 && line.data[0] == 'x') {
                        damage(memory, size, behind(line, 1));
                        is_damaged = true;
                }
                if (is_damaged && read_slots(memory, size, &text) < 0) {
                        memset(memory, 0, size); /* as who finds it so does */
                        slots_format(memory, size, &boot);
                        last[0] = 0;
                        is_damaged = false;
                }
                if (line.size > 0 && line.data[0] == 'w') {
                        line = behind(line, 1);
                        line.size = line.size < TEXT_MAX ? line.size : TEXT_MAX;
                        check_written(memory, size, line);
                        if (line.size < 8 && strlen(last) >= 8 &&
                            read_slots(memory, size, &text) == 0)
                                HOLDS(!is_left(memory, size, last, text),
                                      "what was replaced is gone");
                        *(char *)mempcpy(last, line.data, line.size) = 0;
                } else if (read_slots(memory, size, &text) == 0 &&
                           !memchr(text.data, 0, text.size)) {
                        HOLDS(slice_is(text, last), "what is read is what was written last");
                }
        }
        free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct slice input = input_of(data, size);

        if (has_prefix(input, SLICE("#")))
                check_story(behind(input, 1));
        else
                check_image(input);
        return 0;
}
