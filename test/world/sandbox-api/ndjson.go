package main

import (
	"encoding/json"
	"net/http"
	"time"
)

// streamResult answers POST /process with one JSON object a line, until the process ends; its time-out bounds nothing here.
func streamResult(w http.ResponseWriter, r *http.Request, p *process) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(200)
	flush(w)
	send := func(kind, data string) {
		line, _ := json.Marshal(struct {
			Type string `json:"type"`
			Data string `json:"data"`
		}{kind, data})
		w.Write(append(line, '\n'))
		flush(w)
	}
	sources := p.sources()
	drain := func(bool) {
		for _, source := range sources {
			for data := source.from.next(); len(data) > 0; data = source.from.next() {
				send(source.stream, string(data))
			}
		}
	}
	if follow(r, p, 5*time.Second, drain, func() { send("keepalive", "") }) {
		result, _ := json.Marshal(p.describe(fullTail))
		send("result", string(result))
	}
}
