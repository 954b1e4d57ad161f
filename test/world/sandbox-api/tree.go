package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// tree writes, lists and removes a folder, whose path is always absolute.
func tree(w http.ResponseWriter, r *http.Request) {
	path, _ := url.PathUnescape(strings.TrimPrefix(r.URL.EscapedPath(), "/filesystem/tree"))
	root := filepath.Clean("/" + strings.TrimLeft(path, "/"))
	switch r.Method {
	case "PUT":
		writeTree(w, r, root)
	case "GET":
		if _, err := os.Stat(root); err != nil {
			fail(w, 404, err.Error())
			return
		}
		answer(w, 200, listFolder(root, root))
	case "DELETE":
		deletePath(w, r, root, root)
	default:
		notFound(w)
	}
}

func writeTree(w http.ResponseWriter, r *http.Request, root string) {
	var body struct {
		Files map[string]string `json:"files"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		fail(w, 400, "invalid request body: "+err.Error())
		return
	}
	names := make([]string, 0, len(body.Files))
	for name := range body.Files {
		names = append(names, name)
	}
	sort.Strings(names)
	if err := os.MkdirAll(root, 0o755); err != nil {
		fail(w, 422, "error creating directory: "+err.Error())
		return
	}
	for _, name := range names {
		if err := writeFile(filepath.Join(root, name), []byte(body.Files[name]), 0o644); err != nil {
			fail(w, 422, "error writing file: "+err.Error())
			return
		}
	}
	answer(w, 200, listFolder(root, root))
}
