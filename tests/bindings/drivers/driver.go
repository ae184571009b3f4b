// SPDX-License-Identifier: MIT

// driver - the Go binding, told what to do: ../driver.py has the commands.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"bearerd/bearer"
)

type given struct {
	Socket  string
	MaxAge  *float64 `json:"max_age"`
	Name    string
	Timeout *float64
	N       int
	What    string
	Method  string
	URL     string
	Body    string
	Stream  bool
}

var (
	tokens *bearer.Bearer
	last   *bearer.Token
)

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func patience(timeout *float64) (context.Context, context.CancelFunc) {
	if timeout == nil {
		return context.Background(), func() {}
	}
	return context.WithTimeout(context.Background(), seconds(*timeout))
}

func get(name string, timeout *float64) (*bearer.Token, error) {
	ctx, cancel := patience(timeout)
	defer cancel()
	return tokens.Get(ctx, name)
}

func renew(timeout *float64) (*bearer.Token, error) {
	ctx, cancel := patience(timeout)
	defer cancel()
	return tokens.Renew(ctx, last)
}

func told(token *bearer.Token, err error) any {
	if err == nil {
		return map[string]any{"value": token.Value(), "name": token.Name, "generation": token.Generation,
			"expires_at": token.ExpiresAt, "scope": token.Scope, "practice_id": token.PracticeID}
	}
	var e *bearer.Error
	if !errors.As(err, &e) {
		return map[string]any{"error": "other", "text": err.Error()}
	}
	answer := map[string]any{"error": e.Kind.String(), "text": err.Error(), "passing": bearer.IsPassing(err),
		"retry_after": nil, "errno": nil}
	if !errors.Is(err, e.Kind) {
		answer["error"] = "errors.Is does not know " + e.Kind.String()
	}
	if e.RetryAfter > 0 {
		answer["retry_after"] = e.RetryAfter / time.Second
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		answer["errno"] = int(errno)
	}
	return answer
}

func keep(token *bearer.Token, err error) any {
	if err == nil {
		last = token
	}
	return told(token, err)
}

func open(g given) any {
	var err error
	if tokens, err = bearer.Open(g.Socket); err != nil {
		return told(nil, err)
	}
	if g.MaxAge != nil {
		tokens.MaxAge = seconds(*g.MaxAge)
	}
	return map[string]any{}
}

func together(n int, one func(i int) any) []any {
	answers := make([]any, n)
	var all sync.WaitGroup
	for i := range answers {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			answers[i] = one(i)
		}(i)
	}
	all.Wait()
	return answers
}

func beside(timeout float64) any {
	return together(2, func(i int) any {
		time.Sleep(seconds(timeout / 5 * float64(i)))
		mine := timeout * float64(1+9*i)
		return told(get("", &mine))
	})
}

// canceled is a caller who gives up while another waits for the same.
func canceled() any {
	return together(2, func(i int) any {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if i == 0 {
			time.AfterFunc(200*time.Millisecond, cancel)
		}
		return told(tokens.Get(ctx, ""))
	})
}

// closed tells whether all that followed has ended.
func closed() any {
	before := runtime.NumGoroutine()
	tokens.Close()
	return map[string]any{"ended": before - runtime.NumGoroutine()}
}

func shown() any {
	type worker struct {
		token *bearer.Token
		copy  bearer.Token
	}
	nested := worker{last, *last}
	texts := []string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t", "%p"} {
		for _, value := range []any{last, *last, nested, &nested, []any{last}, []*bearer.Token{last},
			map[string]*bearer.Token{"a": last}} {
			texts = append(texts, fmt.Sprintf(verb, value))
		}
	}
	written, err := json.Marshal(map[string]any{"a": last, "b": *last})
	return append(texts, string(written), fmt.Sprint(err))
}

func call(g given) any {
	var body io.Reader
	if g.Body != "" {
		body = strings.NewReader(g.Body)
	}
	if g.Stream {
		body = io.MultiReader(body)
	}
	ctx, cancel := patience(g.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, g.Method, g.URL, body)
	if err != nil {
		panic(err)
	}
	client := &http.Client{Transport: &bearer.Transport{Bearer: tokens}}
	response, err := client.Do(request)
	if err != nil {
		return told(nil, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		panic(err)
	}
	return map[string]any{"status": response.StatusCode, "body": string(text)}
}

func answer(what string, g given) any {
	switch what {
	case "open":
		return open(g)
	case "get":
		return keep(get(g.Name, g.Timeout))
	case "renew":
		return keep(renew(g.Timeout))
	case "together":
		return together(g.N, func(int) any {
			if g.What == "renew" {
				return told(renew(g.Timeout))
			}
			return told(get("", g.Timeout))
		})
	case "beside":
		return beside(*g.Timeout)
	case "canceled":
		return canceled()
	case "close":
		return closed()
	case "goroutines":
		return runtime.NumGoroutine()
	case "shown":
		return shown()
	case "call":
		return call(g)
	}
	panic(what)
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var command []json.RawMessage
		var what string
		var g given
		for _, err := range []error{json.Unmarshal(lines.Bytes(), &command), json.Unmarshal(command[0], &what),
			json.Unmarshal(command[1], &g)} {
			if err != nil {
				panic(err)
			}
		}
		written, err := json.Marshal(answer(what, g))
		if err != nil {
			panic(err)
		}
		fmt.Println(string(written))
	}
}
