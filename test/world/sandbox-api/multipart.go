package main

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
)

const mostParts = 10000

// upload is a file that comes in parts: initiate, part, complete or abort.
type upload struct {
	path  string
	shown string
	mode  os.FileMode
	parts map[int][]byte
}

type partAnswer struct {
	PartNumber int    `json:"partNumber"`
	ETag       string `json:"etag"`
	Size       int    `json:"size"`
}

var (
	uploads   = map[string]*upload{}
	uploadsMu sync.Mutex
	uploadIDs int
)

func multipartUpload(w http.ResponseWriter, r *http.Request) {
	raw := strings.TrimPrefix(r.URL.EscapedPath(), "/filesystem-multipart/")
	if rest := strings.TrimPrefix(raw, "initiate"); rest != raw && r.Method == "POST" {
		beginUpload(w, r, rest)
		return
	}
	id, action, _ := strings.Cut(raw, "/")
	id, _ = url.PathUnescape(id)
	uploadsMu.Lock()
	found := uploads[id]
	uploadsMu.Unlock()
	switch {
	case found == nil:
		fail(w, 404, "upload not found")
	case action == "part" && r.Method == "PUT":
		takePart(w, r, found)
	case action == "complete" && r.Method == "POST":
		completeUpload(w, r, id, found)
	case action == "abort" && r.Method == "DELETE":
		forgetUpload(id)
		answer(w, 200, pathMessage{found.shown, "Multipart upload aborted"})
	default:
		notFound(w)
	}
}

func forgetUpload(id string) {
	uploadsMu.Lock()
	defer uploadsMu.Unlock()
	delete(uploads, id)
}

func beginUpload(w http.ResponseWriter, r *http.Request, raw string) {
	shown, path := place(raw)
	var body struct {
		Permissions string `json:"permissions"`
	}
	json.NewDecoder(r.Body).Decode(&body)
	mode, err := parseMode(body.Permissions, 0o644)
	if err != nil {
		fail(w, 400, "invalid permissions: "+body.Permissions)
		return
	}
	uploadsMu.Lock()
	uploadIDs++
	id := fmt.Sprintf("upload-%d", uploadIDs)
	uploads[id] = &upload{path, shown, mode, map[int][]byte{}}
	uploadsMu.Unlock()
	answer(w, 200, map[string]string{"uploadId": id, "path": shown})
}

func takePart(w http.ResponseWriter, r *http.Request, into *upload) {
	number, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
	if err != nil || number < 1 || number > mostParts {
		fail(w, 400, fmt.Sprintf("part number must be between 1 and %d", mostParts))
		return
	}
	data, err := partBytes(r)
	if err != nil {
		fail(w, 400, err.Error())
		return
	}
	uploadsMu.Lock()
	into.parts[number] = data
	uploadsMu.Unlock()
	answer(w, 200, partAnswer{number, etag(data), len(data)})
}

func etag(data []byte) string {
	sum := md5.Sum(data)
	return hex.EncodeToString(sum[:])
}

func partBytes(r *http.Request) ([]byte, error) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return io.ReadAll(r.Body)
	}
	file, _, err := r.FormFile("file")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

// completeUpload puts the parts together that the request names, in its order; each must be the one that came in.
func completeUpload(w http.ResponseWriter, r *http.Request, id string, from *upload) {
	var body struct {
		Parts []struct {
			PartNumber int    `json:"partNumber"`
			ETag       string `json:"etag"`
		} `json:"parts"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		fail(w, 400, "invalid request body: "+err.Error())
		return
	}
	var all []byte
	for _, part := range body.Parts {
		uploadsMu.Lock()
		data, came := from.parts[part.PartNumber]
		uploadsMu.Unlock()
		if !came || etag(data) != part.ETag {
			fail(w, 422, fmt.Sprintf("part %d is not the one that was uploaded", part.PartNumber))
			return
		}
		all = append(all, data...)
	}
	if err := writeFile(from.path, all, from.mode); err != nil {
		fail(w, 422, "error writing file: "+err.Error())
		return
	}
	forgetUpload(id)
	answer(w, 200, pathMessage{from.shown, "Multipart upload completed successfully"})
}
