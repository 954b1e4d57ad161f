package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

func workDir() string {
	folder, _ := os.Getwd()
	return getenv("WORKDIR", folder)
}

// place reads the path rule: an upper-case %2F keeps the path as it is, which is absolute; else one leading slash is
// taken away, and what is left is relative to WORKDIR, if another does not lead it.
// It returns the path as it is told back and where it lies.
func place(raw string) (string, string) {
	path, err := url.PathUnescape(raw)
	if err != nil {
		path = raw
	}
	if strings.Contains(raw, "%2F") {
		path = "/" + strings.TrimLeft(path, "/")
	} else {
		path = strings.TrimPrefix(path, "/")
	}
	if path == "" {
		path = workDir()
	}
	if strings.HasPrefix(path, "~") {
		path = getenv("HOME", "/root") + path[1:]
	}
	if strings.HasPrefix(path, "/") {
		return filepath.Clean(path), filepath.Clean(path)
	}
	return path, filepath.Join(workDir(), path)
}

func placeOf(r *http.Request, prefix string) (string, string) {
	return place(strings.TrimPrefix(r.URL.EscapedPath(), prefix))
}
