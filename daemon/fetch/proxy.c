/* SPDX-License-Identifier: MIT */
#include "fetch/proxy.h"
#include "fetch/reference.h"

void proxy_deinit(struct proxy *proxy) {
        secret_deinit(&proxy->user);
        secret_deinit(&proxy->password);
}

int proxy_load(const struct config_token *token, struct proxy *ret_proxy, struct outcome *outcome) {
        struct reference user = {"proxy_user", token->proxy_user, .may_be_literal = true,
                                 .outcome = outcome};
        struct reference password = {"proxy_password", token->proxy_password, .outcome = outcome};
        struct proxy proxy = PROXY_INIT;
        int r;

        if (!*token->proxy_user) {
                *ret_proxy = proxy;
                return 0;
        }
        r = reference_load(&user, &proxy.user);
        if (r == 0)
                r = reference_load(&password, &proxy.password);
        if (r < 0) {
                proxy_deinit(&proxy);
                return r;
        }
        *ret_proxy = proxy; /* consumed */
        return 0;
}
