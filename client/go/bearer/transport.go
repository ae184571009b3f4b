// SPDX-License-Identifier: MIT

package bearer

import (
	"errors"
	"io"
	"net/http"
)

const drainMax = 64 << 10 // of the body of a 401, so that its connection is used again

// Transport is an http.RoundTripper that adds the token, and handles a 401 once. After a redirect to
// another host it adds none.
type Transport struct {
	Bearer *Bearer
	Name   string            // "": the default one
	Base   http.RoundTripper // nil: http.DefaultTransport
}

// RoundTrip sends the request again after a 401, if its body can be had again (http.Request.GetBody).
func (t *Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if !isToFirstHost(request) {
		return t.base().RoundTrip(request)
	}
	token, err := t.Bearer.Get(request.Context(), t.Name)
	if err != nil {
		closeBody(request)
		return nil, err
	}
	response, err := t.send(request, request.Body, token)
	hasBody := request.Body != nil && request.Body != http.NoBody
	if err != nil || response.StatusCode != http.StatusUnauthorized || (hasBody && request.GetBody == nil) {
		return response, err
	}
	newer, err := t.Bearer.Renew(request.Context(), token)
	if errors.Is(err, Fresh) {
		return response, nil
	}
	io.CopyN(io.Discard, response.Body, drainMax)
	response.Body.Close()
	if err != nil {
		return nil, err
	}
	body := request.Body
	if hasBody {
		if body, err = request.GetBody(); err != nil {
			return nil, err
		}
	}
	return t.send(request, body, newer)
}

func (t *Transport) base() http.RoundTripper {
	if t.Base != nil {
		return t.Base
	}
	return http.DefaultTransport
}

func (t *Transport) send(request *http.Request, body io.ReadCloser, token *Token) (*http.Response, error) {
	dressed := request.Clone(request.Context())
	dressed.Body = body
	dressed.Header.Set("Authorization", "Bearer "+token.Value())
	return t.base().RoundTrip(dressed)
}

func isToFirstHost(request *http.Request) bool {
	first := request
	for first.Response != nil && first.Response.Request != nil {
		first = first.Response.Request
	}
	return first.URL.Host == request.URL.Host && first.URL.Scheme == request.URL.Scheme
}

func closeBody(request *http.Request) {
	if request.Body != nil {
		request.Body.Close()
	}
}
