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
	"sort"
	"strconv"
	"strings"
	"sync"
)

// Uploads in parts, for files over 5 MiB: initiate, part, complete, abort.
type upload struct {
	path  string
	parts map[int][]byte
}

var (
	uploads   = map[string]*upload{}
	uploadsMu sync.Mutex
)

func multipartUpload(w http.ResponseWriter, r *http.Request) {
	raw := strings.TrimPrefix(r.URL.EscapedPath(), "/filesystem-multipart/")
	uploadsMu.Lock()
	defer uploadsMu.Unlock()
	switch {
	case strings.HasPrefix(raw, "initiate/") && r.Method == "POST":
		path, _ := url.PathUnescape(strings.TrimPrefix(raw, "initiate/"))
		if !strings.HasPrefix(path, "/") {
			path = workDir() + "/" + path
		}
		id := fmt.Sprintf("upload-%d", len(uploads)+1)
		uploads[id] = &upload{path, map[int][]byte{}}
		answer(w, 200, map[string]string{"uploadId": id, "path": path})
	case strings.HasSuffix(raw, "/part") && r.Method == "PUT":
		found := uploads[strings.TrimSuffix(raw, "/part")]
		number, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
		if found == nil || err != nil || number < 1 || number > 10000 {
			fail(w, 400, "invalid part")
			return
		}
		data, err := partBytes(r)
		if err != nil {
			fail(w, 400, err.Error())
			return
		}
		found.parts[number] = data
		sum := md5.Sum(data)
		answer(w, 200, map[string]interface{}{"partNumber": number, "etag": hex.EncodeToString(sum[:]), "size": len(data)})
	case strings.HasSuffix(raw, "/complete") && r.Method == "POST":
		id := strings.TrimSuffix(raw, "/complete")
		found := uploads[id]
		if found == nil {
			fail(w, 404, "upload not found")
			return
		}
		var body struct{ Parts []struct{ PartNumber int } }
		json.NewDecoder(r.Body).Decode(&body)
		numbers := make([]int, 0, len(found.parts))
		for number := range found.parts {
			numbers = append(numbers, number)
		}
		sort.Ints(numbers)
		var all []byte
		for _, number := range numbers {
			all = append(all, found.parts[number]...)
		}
		if err := writeFile(found.path, all, os.FileMode(0o644)); err != nil {
			fail(w, 422, err.Error())
			return
		}
		delete(uploads, id)
		answer(w, 200, map2(found.path, "Multipart upload completed successfully"))
	case strings.HasSuffix(raw, "/abort") && r.Method == "DELETE":
		delete(uploads, strings.TrimSuffix(raw, "/abort"))
		answer(w, 200, map[string]string{"message": "Multipart upload aborted"})
	default:
		notFound(w)
	}
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
