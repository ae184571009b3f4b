// SPDX-License-Identifier: MIT

// Package bearer gets the host's OAuth 2.0 bearer token from bearerd. Go 1.19 on, standard library
// alone.
//
//	tokens, err := bearer.Open("")          // $BEARERD_SOCKET, or /run/bearerd/token.sock
//	client := &http.Client{Transport: &bearer.Transport{Bearer: tokens}}
//
// and each request of that client has the token, and a 401 is handled once. Or by hand:
//
//	token, err := tokens.Get(ctx, "")       // for every request anew: it is kept here
//	token, err = tokens.Renew(ctx, token)   // after a 401, once; then the request again
//
// Who goes on asking follows the token: bearerd says then when it is another one, so that nothing is
// asked in between. What is cached for how long, and what each error asks for, is in
// docs/clients.md. Never shows a token but by its Value().
package bearer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	defaultSocket = "/run/bearerd/token.sock"
	defaultMaxAge = 10 * time.Second
	followedMax   = 16 // tokens at a time: each takes a connection
	floor         = 60 // seconds: bearerd's, where it does not say how long it serves a token
	waitDefault   = 20 * time.Second
	waitMax       = 60 * time.Second
	answerGrace   = time.Second
	patience      = 2 * time.Second // with a bearerd that has hung up, or was there before
	retryFirst    = time.Millisecond
	retryLast     = 50 * time.Millisecond
	answerMax     = 32768 // of a stream, too
	pathMax       = 107
	expiresInMax  = 315360000
	answerStart   = "HTTP/1."
)

var (
	nameRule  = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)
	b64token  = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`) // RFC 6750 2.1
	printable = regexp.MustCompile(`^[ -~]*$`)
	errHungUp = errors.New("bearerd hung up")
)

// Token is one token; immutable. Value() is the secret; no other way shows it.
type Token struct {
	value      *string // fmt follows no pointer within a struct, by whatever verb
	Name       string
	Generation uint64 // rises with every new token of this name
	ExpiresAt  int64  // Unix time
	Scope      string // as granted; "": not said
	PracticeID string // for URLs as /v1/{practiceid}/...; "": none
}

// Value is what follows "Authorization: Bearer ".
func (t *Token) Value() string { return *t.value }

func (t Token) String() string {
	return fmt.Sprintf("<Token %s generation %d expires at %d>", t.Name, t.Generation, t.ExpiresAt)
}

// Bearer is a handle for any number of goroutines.
type Bearer struct {
	// MaxAge is how long a token that is not followed is used without asking for it again: 10 s as
	// Open sets it. 0: each Get asks, and nothing is followed. To be changed before the first use.
	MaxAge time.Duration

	path         string
	mutex        sync.Mutex
	cache        map[string]*kept // by the name that was asked for
	streams      sync.WaitGroup
	isClosed     bool
	flights      map[string]*flight
	wasAnswered  bool
	patientUntil time.Time
}

type flight struct {
	done  chan struct{}
	token *Token
	err   error
}

type question struct {
	name     string
	after    uint64
	target   string
	deadline time.Time
}

// Open makes a handle for a socket: a path, or unix:///path; "": $BEARERD_SOCKET, or else
// /run/bearerd/token.sock. It connects to nothing yet.
func Open(socket string) (*Bearer, error) {
	if socket == "" {
		socket = os.Getenv("BEARERD_SOCKET")
	}
	if socket == "" {
		socket = defaultSocket
	}
	path := socket
	if strings.HasPrefix(socket, "unix:///") {
		path = strings.TrimPrefix(socket, "unix://")
	}
	if strings.HasPrefix(path, "unix:") || strings.ContainsRune(path, 0) || path[0] == '@' {
		return nil, newError(Invalid, fmt.Sprintf("%q is neither a path nor unix:///path", socket))
	}
	if len(path) > pathMax {
		return nil, newError(Invalid, fmt.Sprintf("%q is longer than %d bytes, the most for a socket", socket, pathMax))
	}
	return &Bearer{MaxAge: defaultMaxAge, path: path, cache: map[string]*kept{}, flights: map[string]*flight{}}, nil
}

// Get gives the token of that name, or the default one for "". It waits until ctx's deadline, or
// for 20 s. Errors are of type *Error, or context.Canceled.
func (b *Bearer) Get(ctx context.Context, name string) (*Token, error) {
	if name != "" && !nameRule.MatchString(name) {
		return nil, newError(Invalid, fmt.Sprintf("%q is not the name of a token ([a-z0-9][a-z0-9_-]{0,31})", name))
	}
	return b.shared(ctx, newQuestion(ctx, name, 0))
}

// Renew gives a newer token than refused, which an API answered with 401. Once for each 401.
func (b *Bearer) Renew(ctx context.Context, refused *Token) (*Token, error) {
	return b.shared(ctx, newQuestion(ctx, refused.Name, refused.Generation))
}

// Close follows nothing any more, and waits for the goroutines that did, which takes no time. What is
// asked for from now on is used for MaxAge. Its error is nil.
func (b *Bearer) Close() error {
	b.mutex.Lock()
	b.isClosed = true
	for _, k := range b.cache {
		k.unfollow()
	}
	b.mutex.Unlock()
	b.streams.Wait()
	return nil
}

func newQuestion(ctx context.Context, name string, after uint64) question {
	wait, grace := waitDefault, answerGrace
	if deadline, ok := ctx.Deadline(); ok {
		wait, grace = time.Until(deadline), 0
	}
	seconds := math.Ceil(math.Min(math.Max(wait.Seconds(), 0), waitMax.Seconds()))
	target := resource(name) + "?wait=" + strconv.Itoa(int(seconds))
	if after > 0 {
		target += "&after=" + strconv.FormatUint(after, 10)
	}
	return question{name, after, target, time.Now().Add(wait + grace)}
}

func resource(name string) string {
	if name == "" {
		return "/v1/token"
	}
	return "/v1/tokens/" + name
}

// sleep returns Timeout once the deadline has come.
func (q question) sleep(d time.Duration) error {
	left := time.Until(q.deadline)
	if left <= d {
		time.Sleep(left)
		return newError(Timeout, "")
	}
	time.Sleep(d)
	return nil
}

// shared lets those who want the same at the same time share one question. Whose time is longer
// than that of the one who asked asks itself.
func (b *Bearer) shared(ctx context.Context, q question) (*Token, error) {
	for {
		b.mutex.Lock()
		if k := b.cache[q.name]; k != nil && k.token.Generation > q.after && k.isGood(b.MaxAge) {
			b.mutex.Unlock()
			return k.token, nil
		}
		key := fmt.Sprintf("%s %d", q.name, q.after)
		f, isShared := b.flights[key]
		if !isShared {
			f = &flight{done: make(chan struct{})}
			b.flights[key] = f
			go b.fly(key, f, q)
		}
		b.mutex.Unlock()
		if err := f.wait(ctx, q); err != nil {
			return nil, err
		}
		if !isShared || !errors.Is(f.err, Timeout) {
			return f.token, f.err
		}
	}
}

// wait returns nil if there is an outcome in time.
func (f *flight) wait(ctx context.Context, q question) error {
	timer := time.NewTimer(time.Until(q.deadline))
	defer timer.Stop()
	select {
	case <-f.done:
		return nil
	case <-timer.C:
		return newError(Timeout, "")
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return newError(Timeout, "")
		}
		return ctx.Err()
	}
}

func (b *Bearer) fly(key string, f *flight, q question) {
	var serves uint64
	f.token, serves, f.err = b.ask(q)
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if f.err == nil {
		b.keep(q.name, f.token, time.Duration(serves)*time.Second)
	}
	delete(b.flights, key)
	close(f.done)
}

func (b *Bearer) keep(asked string, token *Token, serves time.Duration) {
	before := b.cache[asked]
	for name, old := range b.cache {
		if old.token.Name == token.Name && old.token.Generation < token.Generation {
			delete(b.cache, name)
			old.unfollow()
		}
	}
	if old := b.cache[asked]; old != nil {
		if old.token.Name == token.Name && old.token.Generation > token.Generation {
			return
		}
		old.unfollow()
	}
	k := &kept{token: token, arrived: time.Now(), serves: serves}
	b.cache[asked] = k
	if before != nil && before.isAskedAgain(b.MaxAge) {
		b.follow(asked, k)
	}
}

func (b *Bearer) ask(q question) (*Token, uint64, error) {
	for isLast := false; ; isLast = true {
		token, serves, err := b.askOnce(q)
		if !errors.Is(err, errHungUp) {
			return token, serves, err
		}
		b.mutex.Lock()
		b.patientUntil = time.Now().Add(patience)
		b.mutex.Unlock()
		if isLast {
			return nil, 0, unreachable(b.path, syscall.ECONNRESET)
		}
		if err := q.sleep(retryLast); err != nil { // it may not be gone yet
			return nil, 0, err
		}
	}
}

func (b *Bearer) askOnce(q question) (*Token, uint64, error) {
	conn, err := b.connect(q)
	if err != nil {
		return nil, 0, err
	}
	defer conn.Close()
	response, body, err := exchange(conn, q)
	if err != nil {
		return nil, 0, err
	}
	b.mutex.Lock()
	b.wasAnswered = true
	b.mutex.Unlock()
	if response.StatusCode != http.StatusOK {
		return nil, 0, refusal(response, body)
	}
	return readToken(body, q)
}

func (b *Bearer) connect(q question) (net.Conn, error) {
	dialer := net.Dialer{Deadline: q.deadline}
	for delay := retryFirst; ; delay *= 2 {
		conn, err := dialer.Dial("unix", b.path)
		if err == nil {
			return conn, nil
		}
		var errno syscall.Errno
		if !errors.As(err, &errno) {
			return nil, newError(Timeout, "") // what else there is: the deadline of the dialer
		}
		if !b.mayPass(errno) {
			return nil, unreachable(b.path, errno)
		}
		if delay > retryLast {
			delay = retryLast
		}
		if err := q.sleep(delay); err != nil {
			return nil, err
		}
	}
}

// mayPass: a full backlog is EAGAIN. A bearerd that was there, and is not, restarts.
func (b *Bearer) mayPass(errno syscall.Errno) bool {
	if errno == syscall.EAGAIN {
		return true
	}
	if errno != syscall.ENOENT && errno != syscall.ECONNREFUSED {
		return false
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.wasAnswered {
		b.wasAnswered, b.patientUntil = false, time.Now().Add(patience)
	}
	return time.Now().Before(b.patientUntil)
}

func exchange(conn net.Conn, q question) (*http.Response, []byte, error) {
	conn.SetDeadline(q.deadline)
	// An answer may be there though sending fails: too many connections.
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", q.target)
	watched := &watchedReader{reader: conn}
	reader := bufio.NewReader(io.LimitReader(watched, answerMax))
	peeked, _ := reader.Peek(len(answerStart))
	start := string(peeked)
	response, err := http.ReadResponse(reader, nil)
	var body []byte
	if err == nil {
		body, err = io.ReadAll(response.Body)
	}
	switch {
	case errors.Is(watched.err, os.ErrDeadlineExceeded):
		return nil, nil, newError(Timeout, "")
	case err != nil && watched.err != nil && strings.HasPrefix(answerStart, start):
		return nil, nil, errHungUp
	case err != nil, response.ContentLength < 0:
		return nil, nil, newError(Protocol, "what answered does not speak HTTP/1.1 as bearerd does")
	}
	return response, body, nil
}

// watchedReader knows how its reader ended, whatever is made of that above.
type watchedReader struct {
	reader io.Reader
	err    error
}

func (w *watchedReader) Read(data []byte) (int, error) {
	n, err := w.reader.Read(data)
	w.err = err
	return n, err
}

func readToken(body []byte, q question) (*Token, uint64, error) {
	var members struct {
		Value      string  `json:"access_token"`
		Type       string  `json:"token_type"`
		ExpiresIn  *uint64 `json:"expires_in"`
		ExpiresAt  *int64  `json:"expires_at"`
		ServedFor  *uint64 `json:"served_for"`
		Name       string  `json:"name"`
		Generation uint64  `json:"generation"`
		Scope      string  `json:"scope"`
		PracticeID string  `json:"practice_id"`
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&members); err != nil {
		return nil, 0, newError(Protocol, "the answer is not the JSON that bearerd sends")
	}
	isWrong := len(members.Value) > 16384 || !b64token.MatchString(members.Value) ||
		!strings.EqualFold(members.Type, "bearer") ||
		members.ExpiresIn == nil || *members.ExpiresIn > expiresInMax ||
		members.ExpiresAt == nil || *members.ExpiresAt < 0 ||
		!nameRule.MatchString(members.Name) || members.Generation == 0 ||
		len(members.Scope) > 1023 || !printable.MatchString(members.Scope) ||
		len(members.PracticeID) > 255 || !printable.MatchString(members.PracticeID)
	if isWrong {
		return nil, 0, newError(Protocol, "a member of the answer is not what bearerd sends")
	}
	if (q.name != "" && members.Name != q.name) || members.Generation == q.after {
		return nil, 0, newError(Protocol, "the answer is another token than was asked for")
	}
	var serves uint64
	if members.ServedFor != nil {
		serves = *members.ServedFor
	} else if *members.ExpiresIn > floor {
		serves = *members.ExpiresIn - floor
	}
	if serves > *members.ExpiresIn {
		serves = *members.ExpiresIn
	}
	return &Token{&members.Value, members.Name, members.Generation, *members.ExpiresAt, members.Scope,
		members.PracticeID}, serves, nil
}
