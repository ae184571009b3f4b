/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "wire/route.h"

/* Takes the name out of a *PATH that begins with "/v1/tokens/". False: there is none in it. */
static bool cut_name(struct slice *path, struct slice *ret_name) {
        const struct slice prefix = SLICE("/v1/tokens/");
        struct slice rest;
        const char *slash;

        if (path->size < prefix.size || memcmp(path->data, prefix.data, prefix.size) != 0)
                return false;
        rest = (struct slice){path->data + prefix.size, path->size - prefix.size};
        slash = rest.size > 0 ? memchr(rest.data, '/', rest.size) : NULL;
        *ret_name = (struct slice){rest.data, slash ? (size_t)(slash - rest.data) : rest.size};
        *path = (struct slice){rest.data + ret_name->size, rest.size - ret_name->size};
        return true;
}

static const struct route *find(struct slice path, const struct route *table, size_t size, size_t n,
                                struct slice *ret_name) {
        bool is_named = cut_name(&path, ret_name);

        for (size_t i = 0; i < n; i++) {
                const struct route *route = (const void *)((const char *)table + i * size);

                if (route->is_named == is_named && slice_is(path, route->path))
                        return route;
        }
        return NULL;
}

static_assert(TOKEN_NAME_MAX == 32, "route_find() tells the limit");

const void *route_find(const struct http1_request *http, const struct route *table, size_t size,
                       size_t n, const char *known, char ret_name[TOKEN_NAME_MAX + 1],
                       struct api_error *ret_error) {
        struct slice name = {0};
        const struct route *route = find(http->path, table, size, n, &name);
        char text[EXCERPT_SIZE];

        if (!route) {
                api_error_set(ret_error, 404, "not_found", "there is no \"%s\" here, but %s",
                              excerpt(http->path, text), known);
                return NULL;
        }
        if (route->is_named && !token_name_is_valid(name)) {
                api_error_set(ret_error, 404, "not_found",
                              "\"%s\" is no name of a token: that is up to 32 of a-z, 0-9, \"_\" "
                              "and \"-\", and starts with a letter or digit",
                              excerpt(name, text));
                return NULL;
        }
        if (!slice_is(http->method, route->method)) {
                api_error_set(ret_error, 405, "method_not_allowed", "this path is for %s alone",
                              route->method);
                ret_error->allow = route->method;
                return NULL;
        }
        if (route->is_named)
                memcpy(ret_name, name.data, name.size);
        ret_name[route->is_named ? name.size : 0] = 0;
        return route;
}
