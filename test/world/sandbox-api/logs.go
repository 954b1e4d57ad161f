package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

func tellLogs(w http.ResponseWriter, p *process, id string) {
	if p == nil {
		fail(w, 404, fmt.Sprintf("process with PID %s not found", id))
		return
	}
	described := p.describe(fullTail)
	answer(w, 200, struct {
		Stdout string `json:"stdout"`
		Stderr string `json:"stderr"`
		Logs   string `json:"logs"`
	}{described.Stdout, described.Stderr, *described.Logs})
}

type source struct {
	stream string
	level  string
	from   *follower
}

func (p *process) sources() []source {
	return []source{
		{"stdout", "info", &follower{path: p.file("stdout")}},
		{"stderr", "error", &follower{path: p.file("stderr")}},
	}
}

// repeatOutput keeps both streams in one file as they are seen, each line with its stream before it, and repeats every line in the API's own log.
func (p *process) repeatOutput() {
	both, err := os.Create(p.file(""))
	if err != nil {
		return
	}
	defer both.Close()
	sources, aloud := p.sources(), logsProcesses()
	for ended := false; !ended; {
		select {
		case <-p.done:
			ended = true
		case <-time.After(50 * time.Millisecond):
		}
		for _, source := range sources {
			for _, line := range source.from.lines(ended) {
				fmt.Fprintf(both, "%s:%s", source.stream, line)
				if aloud {
					logOutput(p.name, source.level, line)
				}
			}
		}
	}
}

// streamLogs replays and follows a process's output as prefixed lines. An unknown process is told with status 200: the
// headers are out before anybody looks.
func streamLogs(w http.ResponseWriter, r *http.Request, p *process, id string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(200)
	flush(w)
	if p == nil {
		body, _ := json.Marshal(map[string]string{"error": fmt.Sprintf("process with Identifier %s not found", id)})
		w.Write(body)
		return
	}
	sources := p.sources()
	drain := func(last bool) {
		for _, source := range sources {
			for _, line := range source.from.lines(last) {
				fmt.Fprintf(w, "%s:%s\n", source.stream, strings.TrimSuffix(line, "\n"))
			}
		}
		flush(w)
	}
	follow(r, p, 30*time.Second, drain, func() {
		fmt.Fprintln(w, "[keepalive]")
		flush(w)
	})
}

// follow drains while a process runs and once more, for the last time, when it has ended. It tells whether it saw the end.
func follow(r *http.Request, p *process, every time.Duration, drain func(last bool), keepAlive func()) bool {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	alive := time.NewTicker(every)
	defer alive.Stop()
	for {
		select {
		case <-p.done:
			drain(true)
			return true
		case <-look.C:
			drain(false)
		case <-alive.C:
			keepAlive()
		case <-r.Context().Done():
			return false
		}
	}
}
