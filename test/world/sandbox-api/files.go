package main

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type fileInfo struct {
	Path         string `json:"path"`
	Name         string `json:"name"`
	Permissions  string `json:"permissions"`
	Size         int64  `json:"size"`
	LastModified string `json:"lastModified"`
	Owner        string `json:"owner"`
	Group        string `json:"group"`
}

type fileContent struct {
	fileInfo
	Content string `json:"content"`
}

type folder struct {
	Path string `json:"path"`
	Name string `json:"name"`
}

type folderAnswer struct {
	Path           string     `json:"path"`
	Name           string     `json:"name"`
	Files          []fileInfo `json:"files"`
	Subdirectories []folder   `json:"subdirectories"`
}

func workDir() string {
	if folder := os.Getenv("WORKDIR"); folder != "" {
		return folder
	}
	folder, _ := os.Getwd()
	return folder
}

// pathOf reads the path rule: an upper-case %2F keeps the path as it is, else one leading slash is taken away.
// It returns the path as it is told back and where it lies.
func pathOf(r *http.Request, prefix string) (string, string) {
	raw := strings.TrimPrefix(r.URL.EscapedPath(), prefix)
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

func describe(path, name string, info os.FileInfo) fileInfo {
	owner, group := "root", "root"
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		owner, group = strconv.Itoa(int(stat.Uid)), strconv.Itoa(int(stat.Gid))
		if found, err := user.LookupId(owner); err == nil {
			owner = found.Username
		}
		if found, err := user.LookupGroupId(group); err == nil {
			group = found.Name
		}
	}
	return fileInfo{path, name, fmt.Sprintf("%o", info.Mode()), info.Size(), info.ModTime().Format(time.RFC3339), owner, group}
}

func listFolder(shown, path string) folderAnswer {
	result := folderAnswer{shown, filepath.Base(shown), []fileInfo{}, []folder{}}
	entries, _ := os.ReadDir(path)
	for _, entry := range entries {
		inner := filepath.Join(shown, entry.Name())
		if entry.IsDir() {
			result.Subdirectories = append(result.Subdirectories, folder{inner, entry.Name()})
		} else if info, err := entry.Info(); err == nil {
			result.Files = append(result.Files, describe(inner, entry.Name(), info))
		}
	}
	return result
}

func filesystem(w http.ResponseWriter, r *http.Request) {
	shown, path := pathOf(r, "/filesystem")
	switch r.Method {
	case "GET":
		readPath(w, r, shown, path)
	case "PUT":
		if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
			uploadForm(w, r, shown, path)
			return
		}
		writePath(w, r, shown, path)
	case "DELETE":
		deletePath(w, r, shown, path)
	default:
		notFound(w)
	}
}

func readPath(w http.ResponseWriter, r *http.Request, shown, path string) {
	info, err := os.Stat(path)
	if err != nil {
		fail(w, 404, err.Error())
		return
	}
	if info.IsDir() {
		answer(w, 200, listFolder(shown, path))
		return
	}
	accept := r.Header.Get("Accept")
	raw := r.URL.Query().Get("download") == "true" || strings.Contains(accept, "application/octet-stream") ||
		(accept != "" && !strings.Contains(accept, "application/json") && !strings.Contains(accept, "*/*"))
	if raw {
		kind, _, _ := strings.Cut(mime.TypeByExtension(filepath.Ext(path)), ";")
		if kind == "" {
			kind = "application/octet-stream"
		}
		w.Header().Set("Content-Type", kind)
		http.ServeFile(w, r, path)
		return
	}
	data, err := os.ReadFile(path)
	if err != nil {
		fail(w, 422, err.Error())
		return
	}
	answer(w, 200, fileContent{describe(shown, "", info), string(data)})
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
	mode := os.FileMode(0o644)
	if body.IsDirectory {
		mode = 0o755
	}
	if body.Permissions != "" {
		parsed, err := strconv.ParseUint(body.Permissions, 8, 32)
		if err != nil {
			fail(w, 400, "invalid permissions: "+body.Permissions)
			return
		}
		mode = os.FileMode(parsed)
	}
	if body.IsDirectory {
		if err := os.MkdirAll(path, mode); err != nil {
			fail(w, 422, "error creating directory: "+err.Error())
			return
		}
		own(path)
		answer(w, 200, map2(shown, "Directory created successfully"))
		return
	}
	if err := writeFile(path, []byte(body.Content), mode); err != nil {
		fail(w, 422, "error writing file: "+err.Error())
		return
	}
	answer(w, 200, map2(shown, "File created/updated successfully"))
}

type pathMessage struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

func map2(path, message string) pathMessage { return pathMessage{path, message} }

func own(path string) {
	if workload != nil {
		os.Chown(path, int(workload.Uid), int(workload.Gid))
	}
}

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

// uploadForm takes a multipart form; a permissions field counts only when it comes before the file.
func uploadForm(w http.ResponseWriter, r *http.Request, shown, path string) {
	reader, err := r.MultipartReader()
	if err != nil {
		fail(w, 400, err.Error())
		return
	}
	mode, found := os.FileMode(0o644), false
	for {
		part, err := reader.NextPart()
		if err != nil {
			break
		}
		data, err := io.ReadAll(part)
		if err != nil {
			fail(w, 400, err.Error())
			return
		}
		switch part.FormName() {
		case "permissions":
			if parsed, err := strconv.ParseUint(string(data), 8, 32); err == nil && !found {
				mode = os.FileMode(parsed)
			}
		case "file":
			found = true
			os.Remove(path)
			if err := writeFile(path, data, mode); err != nil {
				fail(w, 422, "error writing file: "+err.Error())
				return
			}
		}
	}
	if !found {
		fail(w, 400, "file is required")
		return
	}
	answer(w, 200, map2(shown, "Binary file uploaded successfully"))
}

func deletePath(w http.ResponseWriter, r *http.Request, shown, path string) {
	info, err := os.Lstat(path)
	if err != nil {
		fail(w, 404, "file or directory not found")
		return
	}
	if !info.IsDir() {
		if err := os.Remove(path); err != nil {
			fail(w, 422, "error deleting file: "+err.Error())
			return
		}
		answer(w, 200, map2(shown, "File deleted successfully"))
		return
	}
	if r.URL.Query().Get("recursive") == "true" {
		err = os.RemoveAll(path)
	} else {
		err = os.Remove(path)
	}
	if err != nil {
		fail(w, 422, "error deleting directory: "+err.Error())
		return
	}
	answer(w, 200, map2(shown, "Directory deleted successfully"))
}

// tree writes many files below an absolute folder at once.
func tree(w http.ResponseWriter, r *http.Request) {
	path, _ := url.PathUnescape(strings.TrimPrefix(r.URL.EscapedPath(), "/filesystem/tree"))
	root := filepath.Clean("/" + strings.TrimLeft(path, "/"))
	switch r.Method {
	case "PUT":
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
		for _, name := range names {
			if err := writeFile(filepath.Join(root, name), []byte(body.Files[name]), 0o644); err != nil {
				fail(w, 422, "error writing file: "+err.Error())
				return
			}
		}
		answer(w, 200, listFolder(root, root))
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
