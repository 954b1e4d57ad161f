package main

import (
	"encoding/json"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

type pathMessage struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

func filesystem(w http.ResponseWriter, r *http.Request) {
	shown, path := placeOf(r, "/filesystem")
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method == "GET":
		readPath(w, r, shown, path)
	case r.Method == "PUT" && kind == "multipart/form-data":
		uploadForm(w, r, shown, path)
	case r.Method == "PUT":
		writePath(w, r, shown, path)
	case r.Method == "DELETE":
		deletePath(w, r, shown, path)
	default:
		notFound(w)
	}
}

func wantsRaw(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return r.URL.Query().Get("download") == "true" || strings.Contains(accept, "application/octet-stream") ||
		(accept != "" && !strings.Contains(accept, "application/json") && !strings.Contains(accept, "*/*"))
}

func readPath(w http.ResponseWriter, r *http.Request, shown, path string) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		fail(w, 404, err.Error())
	case info.IsDir():
		answer(w, 200, listFolder(shown, path))
	case wantsRaw(r):
		sendRaw(w, r, path, info)
	default:
		data, err := os.ReadFile(path)
		if err != nil {
			fail(w, 422, err.Error())
			return
		}
		answer(w, 200, fileContent{describeFile(shown, "", info), string(data)})
	}
}

// sendRaw answers with a file's bytes or a range of them. Its type comes from the name, else from the bytes: an image
// without /etc/mime.types knows few names.
func sendRaw(w http.ResponseWriter, r *http.Request, path string, info os.FileInfo) {
	file, err := os.Open(path)
	if err != nil {
		fail(w, 422, err.Error())
		return
	}
	defer file.Close()
	kind := mime.TypeByExtension(filepath.Ext(path))
	if kind == "" {
		start := make([]byte, 512)
		count, _ := file.ReadAt(start, 0)
		kind = http.DetectContentType(start[:count])
	}
	kind, _, _ = strings.Cut(kind, ";")
	w.Header().Set("Content-Type", kind)
	http.ServeContent(w, r, "", info.ModTime(), file)
}

func parseMode(text string, fallback os.FileMode) (os.FileMode, error) {
	if text == "" {
		return fallback, nil
	}
	parsed, err := strconv.ParseUint(text, 8, 32)
	return os.FileMode(parsed), err
}

func writePath(w http.ResponseWriter, r *http.Request, shown, path string) {
	var body struct {
		Content     string `json:"content"`
		IsDirectory bool   `json:"isDirectory"`
		Permissions string `json:"permissions"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		fail(w, 400, "invalid request body: "+err.Error())
		return
	}
	fallback := os.FileMode(0o644)
	if body.IsDirectory {
		fallback = 0o755
	}
	mode, err := parseMode(body.Permissions, fallback)
	if err != nil {
		fail(w, 400, "invalid permissions: "+body.Permissions)
		return
	}
	if body.IsDirectory {
		if err := os.MkdirAll(path, mode); err != nil {
			fail(w, 422, "error creating directory: "+err.Error())
			return
		}
		own(path)
		answer(w, 200, pathMessage{shown, "Directory created successfully"})
		return
	}
	if err := writeFile(path, []byte(body.Content), mode); err != nil {
		fail(w, 422, "error writing file: "+err.Error())
		return
	}
	answer(w, 200, pathMessage{shown, "File created/updated successfully"})
}

// writeFile makes the folders above, too. The mode counts only for a new file.
func writeFile(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, data, mode); err != nil {
		return err
	}
	own(path)
	return nil
}

func deletePath(w http.ResponseWriter, r *http.Request, shown, path string) {
	info, err := os.Lstat(path)
	if err != nil {
		fail(w, 404, "file or directory not found")
		return
	}
	what, remove := "file", os.Remove
	if info.IsDir() {
		what = "directory"
		if r.URL.Query().Get("recursive") == "true" {
			remove = os.RemoveAll
		}
	}
	if err := remove(path); err != nil {
		fail(w, 422, "error deleting "+what+": "+err.Error())
		return
	}
	answer(w, 200, pathMessage{shown, strings.ToUpper(what[:1]) + what[1:] + " deleted successfully"})
}
