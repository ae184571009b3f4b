/* SPDX-License-Identifier: MIT */
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "client/output.h"
#include "client/terminal.h"

#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"
#define HOME  "\033[H"

void terminal_size(unsigned *ret_columns, unsigned *ret_lines) {
        struct winsize size = {0};

        *ret_columns = 80;
        *ret_lines = 24;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
                return;
        *ret_columns = size.ws_col;
        *ret_lines = size.ws_row;
}

bool terminal_is_fit(unsigned columns_min, unsigned lines_min) {
        const char *type = getenv("TERM");
        unsigned columns, lines;

        if (!isatty(STDOUT_FILENO) || !type || !*type || strcmp(type, "dumb") == 0)
                return false;
        terminal_size(&columns, &lines);
        return columns >= columns_min && lines >= lines_min;
}

bool terminal_has_utf8(void) {
        return setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static int say(const char *text) {
        _cleanup_(buffer_deinit) struct buffer out = BUFFER_INIT(64);

        buffer_append_text(&out, text);
        return output_write(&out);
}

int terminal_enter(struct terminal *terminal) {
        struct termios quiet;

        terminal->has_keys =
                isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &terminal->before) == 0;
        if (terminal->has_keys) {
                quiet = terminal->before;
                quiet.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
                tcsetattr(STDIN_FILENO, TCSADRAIN, &quiet);
        }
        return say(ENTER);
}

void terminal_leave(const struct terminal *terminal) {
        say(LEAVE);
        if (terminal->has_keys)
                tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->before);
}

int terminal_show(const struct buffer *out) {
        _cleanup_(buffer_deinit) struct buffer all = BUFFER_INIT(OUTPUT_MAX);

        buffer_append_text(&all, HOME);
        buffer_append_slice(&all, buffer_slice(out));
        return output_write(&all);
}
