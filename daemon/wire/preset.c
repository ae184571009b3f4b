/* SPDX-License-Identifier: MIT */
#include <stddef.h>

#include "wire/preset.h"

#define ELEMENTS(array) (sizeof(array) / sizeof *(array))

/* Each with where its facts come from: read are those that the provider's page was seen to say,
 * heard are those that others say of it. What is every provider's is no preset's: the defaults. */
/* clang-format off */
static const struct preset presets[] = {
        /* Read at https://docs.athenahealth.com/api/guides/authentication-and-url-locations and
         * .../token-endpoint: the path, Basic, signed assertions by a JWKS as well, at most 5
         * (preview) or 50 new tokens a minute, which live for an hour. Heard: hosts, scope, the
         * secret as it is ("curl -u"); RS384, with a kid, of
         * https://nango.dev/docs/api-integrations/athenahealth-jwks. */
        {"athenahealth", {
                {"token_url",           "https://api.platform.athenahealth.com/oauth2/v1/token"},
                {"scope",               "athena/service/Athenanet.MDP.*"},
                {"basic_encoding",      "raw"},
                {"signing_algorithm",   "RS384"},
                {"requests_per_minute", "20"},
        }, {{NULL}}},
        {"athenahealth-preview", {
                {"token_url",           "https://api.preview.platform.athenahealth.com/oauth2/v1/token"},
                {"scope",               "athena/service/Athenanet.MDP.*"},
                {"basic_encoding",      "raw"},
                {"signing_algorithm",   "RS384"},
                {"requests_per_minute", "4"},
        }, {{NULL}}},

        /* Read at https://auth0.com/docs/flows/call-your-api-using-the-client-credentials-flow: the
         * secret in the form, audience. At https://auth0.com/docs/get-started/
         * authentication-and-authorization-flow/authenticate-with-private-key-jwt: aud is the
         * tenant's URL with its slash, which is its issuer; exp within 5 minutes, no kid needed. At
         * .../applications/configure-private-key-jwt: RS256, RS384 or PS256. */
        {"auth0", {
                {"discovery",          "openid"},
                {"client_auth",        "post"},
                {"assertion_audience", "issuer"},
        }, {
                {"issuer",   "https://TENANT.auth0.com/"},
                {"audience", "the identifier of the API"},
        }},

        /* Read at https://learn.microsoft.com/entra/identity-platform/certificate-credentials:
         * PS256, aud is the token URL, and the header has the SHA-256 of the certificate
         * (client_certificate). Heard: client_id and the secret in the form, RESOURCE/.default; a
         * tenant's document names it by its id, whatever it was asked by
         * (https://github.com/coreos/go-oidc/issues/121). */
        {"entra", {
                {"discovery",           "openid"},
                {"client_auth",         "post"},
                {"assertion_client_id", "yes"},
                {"signing_algorithm",   "PS256"},
        }, {
                {"issuer", "https://login.microsoftonline.com/TENANT-ID/v2.0"},
                {"scope",  "RESOURCE/.default"},
        }},

        /* Read at https://developers.google.com/identity/protocols/oauth2/service-account: a
         * service account signs a JWT, and gets a token for it. Heard, of those who quote that page:
         * iss is client_email, scope is in it, aud is the token URL, exp within an hour; RS256.
         * key_id is private_key_id. */
        {"google", {
                {"token_url",         "https://oauth2.googleapis.com/token"},
                {"grant",             "jwt_bearer"},
                {"client_auth",       "none"},
                {"signing_algorithm", "RS256"},
        }, {
                {"scope", "https://www.googleapis.com/auth/cloud-platform"},
        }},

        /* Read at https://github.com/keycloak/keycloak/issues/38751: from 26.2 on aud is one text,
         * the issuer or, for now, the URL of an endpoint. Heard: before, too. Its guide is
         * https://www.keycloak.org/docs/latest/upgrading/
         * #jwt-client-authentication-aligned-with-the-latest-oidc-specification. */
        {"keycloak", {
                {"discovery",          "openid"},
                {"assertion_audience", "issuer"},
        }, {
                {"issuer", "https://HOST/realms/REALM"},
        }},

        /* RFC 6749, and the defaults. */
        {"oauth2", {{NULL}}, {{NULL}}},

        /* Read at https://developer.okta.com/docs/guides/implement-grant-type/clientcreds/main:
         * Basic, and a scope that must be asked for. At
         * .../implement-oauth-for-okta-serviceapp/create-sign-jwt: aud is the token URL, exp within
         * an hour. At .../dpop/-/main: an application may require DPoP. */
        {"okta", {
                {"discovery", "openid"},
        }, {
                {"issuer", "https://ORG.okta.com/oauth2/default"},
                {"scope",  "one of the authorization server's"},
        }},

        /* Read at https://hl7.org/fhir/smart-app-launch/example-backend-services.html and
         * .../authorization-example-jwks-and-signatures.html (2.2): RS384 or ES384, with a kid; aud
         * is the token URL, scopes are of system/. Heard: exp within 5 minutes, of
         * .../client-confidential-asymmetric.html. */
        {"smart-backend", {
                {"discovery",         "smart"},
                {"client_auth",       "private_key_jwt"},
                {"signing_algorithm", "RS384"},
        }, {
                {"issuer", "the base URL of the FHIR server"},
                {"scope",  "system/*.rs"},
        }},
};
/* clang-format on */

const struct preset *preset_find(struct slice provider) {
        for (size_t i = 0; i < ELEMENTS(presets); i++)
                if (slice_is(provider, presets[i].provider))
                        return &presets[i];
        return NULL;
}

const struct preset *preset_at(size_t i) {
        return i < ELEMENTS(presets) ? &presets[i] : NULL;
}
