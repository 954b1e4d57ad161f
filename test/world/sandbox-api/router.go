package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"
)

type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Flush() {
	if flusher, ok := r.ResponseWriter.(http.Flusher); ok {
		flusher.Flush()
	}
}

func logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		rec := &recorder{w, 200}
		next.ServeHTTP(rec, r)
		level := "info"
		if rec.status >= 400 {
			level = "error"
		}
		logLine(level, fmt.Sprintf("%s %s %d %dms", r.Method, r.URL.Path, rec.status, time.Since(begun).Milliseconds()))
	})
}

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

func route(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Cache-Control", "no-cache, no-store, must-revalidate")
	head.Set("Pragma", "no-cache")
	head.Set("Expires", "0")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Access-Control-Allow-Origin", "*")
	if r.Method == "OPTIONS" {
		head.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS")
		head.Set("Access-Control-Allow-Headers", "*")
		w.WriteHeader(204)
		return
	}
	path := r.URL.EscapedPath()
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if r.Method == "HEAD" {
		if path == "/health" || parts[0] == "process" || parts[0] == "filesystem" || path == "/" {
			w.WriteHeader(200)
		} else {
			notFound(w)
		}
		return
	}
	switch {
	case path == "/":
		answer(w, 200, map[string]string{"message": "Welcome to your Blaxel Sandbox API"})
	case path == "/health" && r.Method == "GET":
		health(w)
	case path == "/drives/mount" && r.Method == "GET":
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Write([]byte(`{"mounts":[]}`))
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

type lastUpgrade struct {
	Status  string `json:"status"`
	Step    string `json:"step"`
	Version string `json:"version"`
}

type healthAnswer struct {
	Status        string      `json:"status"`
	Version       string      `json:"version"`
	GitCommit     string      `json:"gitCommit"`
	BuildTime     string      `json:"buildTime"`
	GoVersion     string      `json:"goVersion"`
	OS            string      `json:"os"`
	Arch          string      `json:"arch"`
	Uptime        string      `json:"uptime"`
	UptimeSeconds float64     `json:"uptimeSeconds"`
	UpgradeCount  int         `json:"upgradeCount"`
	StartedAt     string      `json:"startedAt"`
	LastUpgrade   lastUpgrade `json:"lastUpgrade"`
}

func health(w http.ResponseWriter) {
	up := time.Since(startedAt)
	answer(w, 200, healthAnswer{"ok", version, "unknown", "unknown", runtime.Version(), runtime.GOOS, runtime.GOARCH,
		up.Truncate(time.Millisecond).String(), up.Seconds(), 0, startedAt.UTC().Format(time.RFC3339), lastUpgrade{"idle", "none", ""}})
}

func getenv(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}
