// SPDX-License-Identifier: MIT

// worker - how a worker in Go uses bearerd: it prints the open appointments of a department.
//
//	go mod init worker
//	go mod edit -require=bearerd/bearer@v0.0.0 -replace=bearerd/bearer=.../client/go/bearer
//	go run worker.go DEPARTMENT
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"bearerd/bearer"
)

func openAppointments(client *http.Client, tokens *bearer.Bearer, department string) (int, []byte, error) {
	api := os.Getenv("API_URL")
	if api == "" {
		api = "https://api.platform.athenahealth.com"
	}
	token, err := tokens.Get(context.Background(), "")
	if err != nil {
		return 0, nil, err
	}
	response, err := client.Get(fmt.Sprintf("%s/v1/%s/appointments/open?departmentid=%s&reasonid=-1",
		api, token.PracticeID, department))
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

func main() {
	tokens, err := bearer.Open("")
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
	// Each request has the token; after a 401 it is renewed and the request sent again, once.
	client := &http.Client{Transport: &bearer.Transport{Bearer: tokens}, Timeout: 30 * time.Second}
	for {
		status, body, err := openAppointments(client, tokens, os.Args[1])
		if err == nil {
			fmt.Printf("the API answered %d: %s\n", status, body)
			if status != http.StatusOK {
				os.Exit(1)
			}
			return
		}
		fmt.Fprintln(os.Stderr, "worker:", err)
		if !bearer.IsPassing(err) {
			os.Exit(1)
		}
		time.Sleep(5 * time.Second)
	}
}
