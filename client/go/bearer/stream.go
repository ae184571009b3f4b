// SPDX-License-Identifier: MIT

package bearer

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// kept is a token in the cache. What changes of it is for who holds the Bearer's mutex, as of a stream.
type kept struct {
	token   *Token
	arrived time.Time
	serves  time.Duration
	isOld   bool // it was told to be another one, or no more was told
	stream  *stream
}

// stream is the events of a token (docs/protocol.md), for as long as they say that it is the one. A
// goroutine reads them until then, and no longer than the token is served.
type stream struct {
	conn    net.Conn // nil: not yet
	hasTold bool     // that the token is the one
}

// isGood says whether it is used without asking for it: if it is followed, or else young.
func (k *kept) isGood(maxAge time.Duration) bool {
	return k.isYounger(k.serves) && (k.stream != nil && k.stream.hasTold || k.isYoung(maxAge))
}

// isAskedAgain says whether its life goes on: who asks for it now is one who goes on asking.
func (k *kept) isAskedAgain(maxAge time.Duration) bool {
	return k.isYounger(k.serves) && !k.isYoung(maxAge)
}

func (k *kept) isYoung(maxAge time.Duration) bool { return !k.isOld && k.isYounger(maxAge) }

// Suspend stops the one clock and steps change the other: what is old by either is old.
func (k *kept) isYounger(than time.Duration) bool {
	now := time.Now()
	age := now.Round(0).Sub(k.arrived.Round(0))
	return now.Sub(k.arrived) < than && age >= 0 && age < than
}

func (k *kept) unfollow() {
	if k.stream != nil && k.stream.conn != nil {
		k.stream.conn.Close() // which ends the goroutine
	}
	k.stream = nil
}

// follow is for who holds the mutex.
func (b *Bearer) follow(name string, k *kept) {
	n := 0
	for _, each := range b.cache {
		if each.stream != nil {
			n++
		}
	}
	if b.isClosed || b.MaxAge <= 0 || n >= followedMax {
		return
	}
	k.stream = &stream{}
	b.streams.Add(1)
	go func(s *stream) {
		defer b.streams.Done()
		b.read(name, k, s)
		b.mutex.Lock()
		defer b.mutex.Unlock()
		if k.stream == s {
			k.isOld = k.isOld || s.hasTold
			k.unfollow()
		}
	}(k.stream)
}

// read returns as soon as there is anything but that the token is there: another one, the end, or
// what cannot be understood.
func (b *Bearer) read(name string, k *kept, s *stream) {
	conn, err := net.Dial("unix", b.path) // does not wait: a full backlog is an error
	if err != nil {
		return
	}
	defer conn.Close()
	conn.SetDeadline(k.arrived.Add(k.serves))
	b.mutex.Lock()
	isWanted := k.stream == s
	s.conn = conn
	b.mutex.Unlock()
	if !isWanted {
		return
	}
	fmt.Fprintf(conn, "GET %s/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", resource(name))
	response, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, answerMax)), nil)
	if err != nil || response.StatusCode != http.StatusOK ||
		!strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		return
	}
	var kind, data string
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case field == "event":
			kind = value
		case field == "data":
			data = value
		case lines.Text() == "":
			if (kind == "token" || kind == "gone") && !b.isAsKnown(kind, data, k, s) {
				return
			}
			kind, data = "", "" // others may come
		}
	}
}

func (b *Bearer) isAsKnown(kind, data string, k *kept, s *stream) bool {
	var told struct {
		Name       string `json:"name"`
		Generation uint64 `json:"generation"`
	}
	err := json.Unmarshal([]byte(data), &told)
	isKnown := kind == "token" && err == nil && told.Name == k.token.Name && told.Generation == k.token.Generation
	b.mutex.Lock()
	defer b.mutex.Unlock()
	s.hasTold = isKnown
	k.isOld = !isKnown
	return isKnown
}
