package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// follower tells what was added to a log file since the last look.
type follower struct {
	path   string
	offset int64
}

func (f *follower) next() []byte {
	file, err := os.Open(f.path)
	if err != nil {
		return nil
	}
	defer file.Close()
	buffer := make([]byte, 256*1024)
	count, _ := file.ReadAt(buffer, f.offset)
	f.offset += int64(count)
	return buffer[:count]
}

func flush(w http.ResponseWriter) {
	if flusher, ok := w.(http.Flusher); ok {
		flusher.Flush()
	}
}

// streamResult answers POST /process with one JSON object a line, until the process ends.
func streamResult(w http.ResponseWriter, r *http.Request, p *process) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(200)
	flush(w)
	out, errs := &follower{path: p.file("stdout")}, &follower{path: p.file("stderr")}
	send := func(kind, data string) {
		line, _ := json.Marshal(struct {
			Type string `json:"type"`
			Data string `json:"data"`
		}{kind, data})
		w.Write(append(line, '\n'))
		flush(w)
	}
	drain := func() {
		for _, part := range []struct {
			kind string
			from *follower
		}{{"stdout", out}, {"stderr", errs}} {
			for data := part.from.next(); len(data) > 0; data = part.from.next() {
				send(part.kind, string(data))
			}
		}
	}
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	alive := time.NewTicker(5 * time.Second)
	defer alive.Stop()
	for {
		select {
		case <-p.done:
			drain()
			result, _ := json.Marshal(p.describe(fullTail, true, false))
			send("result", string(result))
			return
		case <-look.C:
			drain()
		case <-alive.C:
			send("keepalive", "")
		case <-r.Context().Done():
			return
		}
	}
}

// streamLogs replays and follows a process's output as prefixed lines. An unknown process is told with status 200.
func streamLogs(w http.ResponseWriter, r *http.Request, p *process, id string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(200)
	flush(w)
	if p == nil {
		body, _ := json.Marshal(map[string]string{"error": fmt.Sprintf("process with Identifier %s not found", id)})
		w.Write(body)
		return
	}
	sources := []struct {
		prefix string
		from   *follower
		rest   *bytes.Buffer
	}{{"stdout:", &follower{path: p.file("stdout")}, &bytes.Buffer{}}, {"stderr:", &follower{path: p.file("stderr")}, &bytes.Buffer{}}}
	drain := func(last bool) {
		for _, source := range sources {
			for data := source.from.next(); len(data) > 0; data = source.from.next() {
				source.rest.Write(data)
			}
			text := source.rest.String()
			cut := strings.LastIndex(text, "\n") + 1
			if last {
				cut = len(text)
			}
			for _, line := range strings.SplitAfter(text[:cut], "\n") {
				if line != "" {
					fmt.Fprintf(w, "%s%s\n", source.prefix, strings.TrimSuffix(line, "\n"))
				}
			}
			source.rest.Reset()
			source.rest.WriteString(text[cut:])
		}
		flush(w)
	}
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	alive := time.NewTicker(30 * time.Second)
	defer alive.Stop()
	for {
		select {
		case <-p.done:
			drain(true)
			return
		case <-look.C:
			drain(false)
		case <-alive.C:
			fmt.Fprintln(w, "[keepalive]")
			flush(w)
		case <-r.Context().Done():
			return
		}
	}
}
