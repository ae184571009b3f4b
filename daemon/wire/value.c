/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "base/decimal.h"
#include "base/timespan.h"
#include "core/outcome.h"
#include "wire/value.h"

_Static_assert(VALUE_SOCKET_PATH_MAX == sizeof((struct sockaddr_un){0}.sun_path) - 1, "unix(7)");

#define ELEMENTS(array) (sizeof(array) / sizeof *(array))

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_scheme_char(char c) {
        return is_digit(c) || is_letter(c) || c == '+' || c == '-' || c == '.';
}

static bool is_printable(char c) {
        return c >= 0x20 && c <= 0x7e;
}

/* Whether TEXT is of 1 to MOST printable ASCII characters, and none of UNWANTED. */
static bool is_plain(struct slice text, size_t most, const char *unwanted) {
        for (size_t i = 0; i < text.size; i++)
                if (!is_printable(text.data[i]) || strchr(unwanted, text.data[i]))
                        return false;
        return text.size > 0 && text.size <= most;
}

static bool take_prefix(struct slice *text, const char *prefix) {
        size_t size = strlen(prefix);

        if (text->size < size || memcmp(text->data, prefix, size) != 0)
                return false;
        *text = (struct slice){text->data + size, text->size - size};
        return true;
}

/* Takes what is of one kind, perhaps nothing, off the front. */
static struct slice take_while(struct slice *text, bool (*is_kind)(char)) {
        struct slice taken = {text->data, 0};

        while (taken.size < text->size && is_kind(text->data[taken.size]))
                taken.size++;
        *text = (struct slice){text->data + taken.size, text->size - taken.size};
        return taken;
}

int value_boolean(struct slice text, bool *ret_value) {
        static const char *const words[] = {"0", "1", "no",    "yes",  "n",   "y",
                                            "f", "t", "false", "true", "off", "on"};

        for (size_t i = 0; i < ELEMENTS(words); i++) {
                if (!slice_is_nocase(text, words[i]))
                        continue;
                *ret_value = i % 2 == 1;
                return 0;
        }
        return -EINVAL;
}

static uint64_t unit_of(struct slice name) {
        static const struct {
                const char *name;
                uint64_t size;
        } units[] = {
                {"us", NSEC_PER_USEC},
                {"usec", NSEC_PER_USEC},
                {"ms", NSEC_PER_MSEC},
                {"msec", NSEC_PER_MSEC},
                {"s", NSEC_PER_SEC},
                {"sec", NSEC_PER_SEC},
                {"second", NSEC_PER_SEC},
                {"seconds", NSEC_PER_SEC},
                {"m", NSEC_PER_MIN},
                {"min", NSEC_PER_MIN},
                {"minute", NSEC_PER_MIN},
                {"minutes", NSEC_PER_MIN},
                {"h", 60 * NSEC_PER_MIN},
                {"hr", 60 * NSEC_PER_MIN},
                {"hour", 60 * NSEC_PER_MIN},
                {"hours", 60 * NSEC_PER_MIN},
                {"d", 1440 * NSEC_PER_MIN},
                {"day", 1440 * NSEC_PER_MIN},
                {"days", 1440 * NSEC_PER_MIN},
                {"w", 10080 * NSEC_PER_MIN},
                {"week", 10080 * NSEC_PER_MIN},
                {"weeks", 10080 * NSEC_PER_MIN},
        };

        for (size_t i = 0; i < ELEMENTS(units); i++)
                if (slice_is(name, units[i].name))
                        return units[i].size;
        return 0;
}

static bool is_space(char c) {
        return c == ' ';
}

/* WHOLE.FRACTION of UNIT; what is below a nanosecond is cut off. */
static int add_part(struct slice whole, struct slice fraction, uint64_t unit, uint64_t *sum) {
        uint64_t n;

        if (decimal_parse(whole, (UINT64_MAX - *sum) / unit, &n) < 0)
                return -ERANGE;
        n *= unit;
        for (size_t i = 0; i < fraction.size; i++) {
                unit /= 10;
                if (__builtin_add_overflow(n, unit * (uint64_t)(fraction.data[i] - '0'), &n))
                        return -ERANGE;
        }
        return __builtin_add_overflow(*sum, n, sum) ? -ERANGE : 0;
}

/* A number and its unit, "2h", "2 h" or "0.5s", and the space behind them. */
static int take_part(struct slice *text, bool is_first, uint64_t *sum) {
        struct slice whole = take_while(text, is_digit), fraction = {NULL, 0}, name;
        uint64_t unit = NSEC_PER_SEC;

        if (whole.size == 0)
                return -EINVAL;
        if (take_prefix(text, ".")) {
                fraction = take_while(text, is_digit);
                if (fraction.size == 0)
                        return -EINVAL;
        }
        take_while(text, is_space);
        name = take_while(text, is_letter);
        if (name.size > 0 || text->size > 0 || !is_first)
                unit = unit_of(name);
        if (unit == 0)
                return -EINVAL;
        take_while(text, is_space);
        return add_part(whole, fraction, unit, sum);
}

int value_time(struct slice text, uint64_t *ret_value) {
        uint64_t sum = 0;
        bool is_first = true;
        int r;

        do {
                r = take_part(&text, is_first, &sum);
                if (r < 0)
                        return r;
                is_first = false;
        } while (text.size > 0);
        *ret_value = sum;
        return 0;
}

int value_mode(struct slice text, unsigned *ret_value) {
        unsigned mode = 0;

        if (text.size == 4 && text.data[0] == '0')
                take_prefix(&text, "0");
        if (text.size != 3)
                return -EINVAL;
        for (size_t i = 0; i < text.size; i++) {
                if (text.data[i] < '0' || text.data[i] > '7')
                        return -EINVAL;
                mode = mode * 8 + (unsigned)(text.data[i] - '0');
        }
        *ret_value = mode;
        return 0;
}

static bool is_separator(char c) {
        return c == ' ' || c == ',';
}

static bool is_no_separator(char c) {
        return !is_separator(c);
}

bool value_next_word(struct slice *text, struct slice *ret_word) {
        struct slice word;

        take_while(text, is_separator);
        word = take_while(text, is_no_separator);
        if (word.size == 0)
                return false;
        *ret_word = word;
        return true;
}

bool value_is_path(struct slice text) {
        for (size_t i = 0; i < text.size; i++)
                if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
                        return false;
        return text.size > 0 && text.size <= VALUE_PATH_MAX && text.data[0] == '/';
}

bool value_is_socket_path(struct slice text) {
        return text.size <= VALUE_SOCKET_PATH_MAX && value_is_path(text);
}

/* What passwd(5) and our own lists cannot hold is excluded, and what looks like an option. */
bool value_is_account(struct slice text) {
        return is_plain(text, VALUE_ACCOUNT_MAX, " ,:/\"'") && text.data[0] != '-';
}

/* scope = scope-token *( SP scope-token ), scope-token = 1*( %x21 / %x23-5B / %x5D-7E ) */
bool value_is_scope(struct slice text) {
        char before = ' ';

        if (!is_plain(text, OUTCOME_SCOPE_MAX, "\"\\"))
                return false;
        for (size_t i = 0; i < text.size; before = text.data[i++])
                if (text.data[i] == ' ' && before == ' ')
                        return false;
        return before != ' ';
}

bool value_is_practice_id(struct slice text) {
        return is_plain(text, VALUE_PRACTICE_ID_MAX, " \"\\");
}

bool value_is_key_id(struct slice text) {
        return is_plain(text, VALUE_KEY_ID_MAX, "");
}

bool value_is_audience(struct slice text) {
        return is_plain(text, VALUE_AUDIENCE_MAX, " \"\\");
}

/* A scheme, and what RFC 3986 lets a URI be written in; a fragment is none. */
bool value_is_resource(struct slice text) {
        struct slice rest = text;

        if (!is_plain(text, VALUE_AUDIENCE_MAX, " \"#<>\\^`{|}"))
                return false;
        take_while(&rest, is_scheme_char);
        return is_letter(text.data[0]) && take_prefix(&rest, ":") && rest.size > 0;
}

static bool is_one_of(struct slice text, const char *const *words) {
        for (; *words; words++)
                if (slice_is_nocase(text, *words))
                        return true;
        return false;
}

bool value_is_form_field(struct slice text) {
        static const char *const ours[] = {"grant_type",
                                           "scope",
                                           "resource",
                                           "audience",
                                           "client_id",
                                           "client_secret",
                                           "assertion",
                                           "client_assertion",
                                           "client_assertion_type",
                                           NULL};
        struct slice value = text, name = {NULL, 0};

        slice_cut(&value, '=', &name);
        return name.size < text.size && is_plain(name, VALUE_FIELD_NAME_MAX, " &") &&
               !is_one_of(name, ours) && value.size <= VALUE_FIELD_MAX;
}

/* RFC 9110 5.6.2 */
static bool is_token_char(char c) {
        return is_digit(c) || is_letter(c) || (c != 0 && strchr("!#$%&'*+-.^_`|~", c));
}

bool value_is_header(struct slice text) {
        static const char *const ours[] = {"accept",
                                           "authorization",
                                           "connection",
                                           "content-length",
                                           "content-type",
                                           "cookie",
                                           "expect",
                                           "host",
                                           "keep-alive",
                                           "proxy-authorization",
                                           "proxy-connection",
                                           "te",
                                           "trailer",
                                           "transfer-encoding",
                                           "upgrade",
                                           "user-agent",
                                           NULL};
        struct slice rest = text, name = take_while(&rest, is_token_char);

        return is_plain(name, VALUE_FIELD_NAME_MAX, "") && !is_one_of(name, ours) &&
               take_prefix(&rest, ": ") && is_plain(rest, VALUE_FIELD_MAX, "") &&
               rest.data[0] != ' ';
}

static bool is_base64_char(char c) {
        return is_digit(c) || is_letter(c) || c == '+' || c == '/';
}

/* 32 bytes are 43 characters, the last of which is of four bits, and a "=". */
bool value_is_pinned_key(struct slice text) {
        struct slice key = {NULL, 0};

        if (text.size == 0 || text.data[text.size - 1] == ';')
                return false;
        while (slice_cut(&text, ';', &key))
                if (!take_prefix(&key, "sha256//") || take_while(&key, is_base64_char).size != 43 ||
                    !slice_is(key, "="))
                        return false;
        return true;
}

bool value_is_address(struct slice text) {
        char address[INET6_ADDRSTRLEN];
        unsigned char bytes[sizeof(struct in6_addr)];

        if (!is_plain(text, sizeof address - 1, ""))
                return false;
        memcpy(address, text.data, text.size);
        address[text.size] = 0;
        return inet_pton(AF_INET, address, bytes) == 1 || inet_pton(AF_INET6, address, bytes) == 1;
}

bool value_is_credential_name(struct slice text) {
        return is_plain(text, VALUE_CREDENTIAL_MAX, "/:") && !slice_is(text, ".") &&
               !slice_is(text, "..");
}

static bool is_variable_name(struct slice text) {
        for (size_t i = 0; i < text.size; i++)
                if (!is_letter(text.data[i]) && text.data[i] != '_' &&
                    (i == 0 || !is_digit(text.data[i])))
                        return false;
        return text.size > 0 && text.size <= VALUE_VARIABLE_NAME_MAX;
}

bool value_is_reference(struct slice text) {
        if (take_prefix(&text, "credential:"))
                return value_is_credential_name(text);
        if (take_prefix(&text, "env:"))
                return is_variable_name(text);
        return take_prefix(&text, "file:") && value_is_path(text);
}

/* A PIN in it would be in the clear, in a file that holds no secret. */
bool value_is_pkcs11(struct slice text) {
        return is_plain(text, VALUE_AUDIENCE_MAX, " \"\\") && take_prefix(&text, "pkcs11:") &&
               text.size > 0 && !memmem(text.data, text.size, "pin-value", strlen("pin-value"));
}

bool value_is_private_key(struct slice text) {
        return value_is_reference(text) || value_is_pkcs11(text);
}

bool value_is_client_id(struct slice text) {
        return value_is_reference(text) || is_plain(text, VALUE_CLIENT_ID_MAX, ":");
}
