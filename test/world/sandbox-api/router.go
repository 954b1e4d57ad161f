package main

import (
	"encoding/json"
	"net/http"
	"strings"
)

func answer(w http.ResponseWriter, status int, value interface{}) {
	body, _ := json.Marshal(value)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	w.Write(body)
}

func fail(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]string{"error": message})
}

func notFound(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(404)
	w.Write([]byte("404 page not found"))
}

func flush(w http.ResponseWriter) {
	if flusher, ok := w.(http.Flusher); ok {
		flusher.Flush()
	}
}

func commonHeaders(head http.Header) {
	head.Set("Cache-Control", "no-cache, no-store, must-revalidate")
	head.Set("Pragma", "no-cache")
	head.Set("Expires", "0")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Access-Control-Allow-Origin", "*")
}

// HEAD tells of a route, not of what it would answer: 200 for an unknown process as well.
func headOnly(w http.ResponseWriter, path, room string) {
	if path == "/" || path == "/health" || path == "/drives/mount" || room == "process" || room == "filesystem" {
		w.WriteHeader(200)
		return
	}
	notFound(w)
}

func route(w http.ResponseWriter, r *http.Request) {
	commonHeaders(w.Header())
	path := r.URL.EscapedPath()
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case r.Method == "OPTIONS":
		w.Header().Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS")
		w.Header().Set("Access-Control-Allow-Headers", "*")
		w.WriteHeader(204)
	case r.Method == "HEAD":
		headOnly(w, path, parts[0])
	case path == "/":
		answer(w, 200, map[string]string{"message": "Welcome to your Blaxel Sandbox API"})
	case path == "/health" && r.Method == "GET":
		health(w)
	case path == "/drives/mount":
		drives(w, r)
	case path == "/process" && r.Method == "POST":
		startProcess(w, r)
	case path == "/process" && r.Method == "GET":
		listProcesses(w)
	case parts[0] == "process" && len(parts) >= 2:
		oneProcess(w, r, parts[1], strings.Join(parts[2:], "/"))
	case parts[0] == "filesystem-multipart":
		multipartUpload(w, r)
	case strings.HasPrefix(path, "/filesystem/tree"):
		tree(w, r)
	case parts[0] == "filesystem":
		filesystem(w, r)
	case parts[0] == "network" && len(parts) == 4 && parts[3] == "ports" && r.Method == "GET":
		listPorts(w, parts[2])
	default:
		notFound(w)
	}
}
