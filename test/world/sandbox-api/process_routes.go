package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

// readRequest tells what is wrong with a body, as the framework of the real one words it.
func readRequest(r *http.Request) (ProcessRequest, string) {
	var request ProcessRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return request, "invalid request body: " + err.Error()
	}
	if request.Command == "" {
		return request, "invalid request body: Key: 'ProcessRequest.Command' Error:Field validation for 'Command' failed on the 'required' tag"
	}
	if request.KeepAlive && os.Getenv("BL_DISABLE_KEEPALIVE") == "true" {
		return request, "keepAlive is disabled"
	}
	if other := find(request.Name); request.Name != "" && other != nil && other.running() {
		return request, fmt.Sprintf("process with name '%s' already exists and is running", request.Name)
	}
	return request, ""
}

func startProcess(w http.ResponseWriter, r *http.Request) {
	request, wrong := readRequest(r)
	if wrong != "" {
		fail(w, 400, wrong)
		return
	}
	p, err := start(request)
	if err != nil {
		fail(w, 422, "failed to start process: "+err.Error())
		return
	}
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		streamResult(w, r, p)
		return
	}
	answerStarted(w, r, p)
}

// answerStarted waits for what the request asks for. A time-out ends the wait and leaves the process alone.
func answerStarted(w http.ResponseWriter, r *http.Request, p *process) {
	var limit <-chan time.Time
	if p.request.Timeout != nil && *p.request.Timeout > 0 {
		limit = time.After(time.Duration(*p.request.Timeout) * time.Second)
	}
	if len(p.request.WaitForPorts) > 0 {
		switch p.waitForPorts(limit, r.Context().Done()) {
		case portsTimedOut:
			fail(w, 422, fmt.Sprintf("process timed out waiting for ports after %d seconds", *p.request.Timeout))
			return
		case clientGone:
			return
		}
	}
	if !p.request.WaitForCompletion {
		answer(w, 200, p.describe(0))
		return
	}
	select {
	case <-p.done:
		answer(w, 200, p.describe(fullTail))
	case <-limit:
		fail(w, 422, fmt.Sprintf("process timed out after %d seconds", *p.request.Timeout))
	case <-r.Context().Done():
	}
}

// listProcesses tells null where one process alone tells an empty completedAt.
func listProcesses(w http.ResponseWriter) {
	tableMu.Lock()
	all := append([]*process{}, table...)
	tableMu.Unlock()
	answers := make([]processAnswer, 0, len(all))
	for _, p := range all {
		described := p.describe(inlineTail)
		if *described.CompletedAt == "" {
			described.CompletedAt = nil
		}
		answers = append(answers, described)
	}
	answer(w, 200, answers)
}

func oneProcess(w http.ResponseWriter, r *http.Request, id, rest string) {
	p := find(id)
	switch {
	case r.Method == "GET" && rest == "":
		if p == nil {
			fail(w, 404, "process not found")
			return
		}
		answer(w, 200, p.describe(inlineTail))
	case r.Method == "GET" && rest == "logs":
		tellLogs(w, p, id)
	case r.Method == "GET" && rest == "logs/stream":
		streamLogs(w, r, p, id)
	case r.Method == "DELETE" && rest == "":
		if p == nil || !p.running() {
			fail(w, 404, fmt.Sprintf("process with Identifier %s is not running", id))
			return
		}
		p.end(syscall.SIGTERM, "stopped")
		p.awaitShortly()
		answer(w, 200, map[string]string{"message": "Process stopped successfully"})
	case r.Method == "DELETE" && rest == "kill":
		if p == nil || p.end(syscall.SIGKILL, "killed") != nil {
			fail(w, 404, fmt.Sprintf("process with Identifier %s not found", id))
			return
		}
		p.awaitShortly()
		answer(w, 200, map[string]string{"message": "Process killed successfully"})
	default:
		notFound(w)
	}
}
