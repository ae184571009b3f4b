// SPDX-License-Identifier: MIT

package bearer

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// Kind is what can be in the way of a token: errors.Is(err, bearer.Denied).
type Kind int

const (
	// Denied: the token endpoint refuses the credentials or the scope.
	Denied Kind = iota + 1
	// Unavailable: there is no token yet, and the last try for one failed.
	Unavailable
	// Timeout: there was no token within the timeout.
	Timeout
	// Fresh: the token was renewed just now. The 401 stands: look at permissions.
	Fresh
	// Busy: this user asks bearerd for too much at once.
	Busy
	// Forbidden: this user may not have the token, or there is none.
	Forbidden
	// Unknown: there is no such token.
	Unknown
	// Invalid: not the name of a token, none given and no default, or not the address of a socket.
	Invalid
	// Protocol: not an answer of bearerd.
	Protocol
	// Unreachable: no connection to bearerd; errors.Is(err, syscall.ENOENT) and the like say why.
	Unreachable
)

var names = [...]string{"", "Denied", "Unavailable", "Timeout", "Fresh", "Busy", "Forbidden", "Unknown", "Invalid",
	"Protocol", "Unreachable"}

var texts = [...]string{
	Denied:      "the token endpoint refuses the credentials or the scope",
	Unavailable: "there is no token yet, and the last try for one failed",
	Timeout:     "there was no token within the timeout",
	Fresh:       "the token was renewed just now, and is not renewed again yet: look at permissions",
	Busy:        "this user asks bearerd for too much at once",
	Forbidden:   "this user may not have the token, or there is none: see allow_users, allow_groups",
	Unknown:     "there is no such token",
	Invalid:     "not the name of a token, or none given and no default",
	Protocol:    "not an answer of bearerd: see $BEARERD_SOCKET, and the versions",
	Unreachable: "no connection to bearerd",
}

var kindOf = map[int]Kind{400: Invalid, 403: Forbidden, 404: Unknown, 429: Busy, 502: Denied, 503: Unavailable,
	504: Timeout}

var hints = map[syscall.Errno]string{
	syscall.ENOENT:       "no socket: bearerd is not installed, or not started yet",
	syscall.EACCES:       `this user may not connect: it is not in the group "bearer", as a rule`,
	syscall.ECONNRESET:   "bearerd hung up before its answer was whole, twice",
	syscall.ECONNREFUSED: "nobody listens: bearerd has stopped",
}

func (k Kind) String() string { return names[k] }

func (k Kind) Error() string { return texts[k] }

// Error is what Get and Renew return.
type Error struct {
	Kind       Kind
	RetryAfter time.Duration // 0: not said
	Err        error         // of Unreachable: a syscall.Errno
	message    string
}

func (e *Error) Error() string { return "bearer: " + e.message }

// Is tells errors.Is of the kind.
func (e *Error) Is(target error) bool { return target == e.Kind }

// Unwrap gives the error of the system.
func (e *Error) Unwrap() error { return e.Err }

// IsPassing says whether to try again, in RetryAfter or some seconds; else it wants an operator or
// a programmer.
func (e *Error) IsPassing() bool {
	switch e.Kind {
	case Unavailable, Timeout, Busy:
		return true
	case Unreachable:
		return errors.Is(e.Err, syscall.ENOENT) || errors.Is(e.Err, syscall.ECONNREFUSED) ||
			errors.Is(e.Err, syscall.ECONNRESET)
	}
	return false
}

// IsPassing says so of any error.
func IsPassing(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.IsPassing()
}

func newError(kind Kind, message string) *Error {
	if message == "" {
		message = kind.Error()
	}
	return &Error{Kind: kind, message: message}
}

func unreachable(path string, errno syscall.Errno) *Error {
	text, ok := hints[errno]
	if !ok {
		text = errno.Error()
	}
	return &Error{Kind: Unreachable, Err: errno, message: fmt.Sprintf("%s (%s)", text, path)}
}

func refusal(response *http.Response, body []byte) *Error {
	var members struct {
		Error string `json:"error"`
		Said  string `json:"error_description"`
	}
	json.Unmarshal(body, &members) // what is no JSON has no members
	kind, ok := kindOf[response.StatusCode]
	switch {
	case !ok:
		kind = Protocol
	case kind == Busy && members.Error == "slow_down":
		kind = Fresh
	}
	refused := newError(kind, "")
	if said := members.Said; said != "" && printable.MatchString(said) {
		if len(said) > 300 {
			said = said[:300]
		}
		refused.message += " (" + said + ")"
	}
	if seconds, err := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 31); err == nil {
		refused.RetryAfter = time.Duration(seconds) * time.Second
	}
	return refused
}
