package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

const longestLoggedLine = 8 * 1024

type logEntry struct {
	Level   string `json:"level"`
	Message string `json:"msg"`
	Process string `json:"process,omitempty"`
	Source  string `json:"source,omitempty"`
	Time    string `json:"time"`
}

func writeEntry(entry logEntry) {
	entry.Time = time.Now().Format(time.RFC3339)
	line, _ := json.Marshal(entry)
	os.Stderr.Write(append(line, '\n'))
}

// logLine writes one JSON object to stderr, in one write: lines of parallel requests do not mix.
func logLine(level, source, message string) {
	writeEntry(logEntry{Level: level, Message: message, Source: source})
}

func fatal(message string) {
	logLine("fatal", "", message)
	os.Exit(1)
}

func logsProcesses() bool {
	disabled := os.Getenv("SANDBOX_DISABLE_PROCESS_LOGGING")
	return disabled != "true" && disabled != "1"
}

// logOutput repeats what a process wrote, one line an entry: whoever reads the container's log reads it, secrets included.
func logOutput(name, level, line string) {
	if len(line) > longestLoggedLine {
		line = line[:longestLoggedLine]
	}
	writeEntry(logEntry{Level: level, Message: strings.TrimSuffix(line, "\n"), Process: name, Source: "process"})
}

// recorder remembers what an answer was, for the access line.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(data []byte) (int, error) {
	r.bytes += len(data)
	return r.ResponseWriter.Write(data)
}

func (r *recorder) Flush() {
	if flusher, ok := r.ResponseWriter.(http.Flusher); ok {
		flusher.Flush()
	}
}

func logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		rec := &recorder{w, 200, 0}
		next.ServeHTTP(rec, r)
		level := "info"
		if rec.status >= 400 {
			level = "error"
		}
		took := time.Since(begun).Milliseconds()
		logLine(level, "access", fmt.Sprintf("%s %s %d %d %dms", r.Method, r.URL.Path, rec.status, rec.bytes, took))
	})
}
