package main

import (
	"io"
	"net/http"
	"os"
)

// uploadForm takes a multipart form as it comes in: a permissions field counts only when it comes before the file.
func uploadForm(w http.ResponseWriter, r *http.Request, shown, path string) {
	reader, err := r.MultipartReader()
	if err != nil {
		fail(w, 400, err.Error())
		return
	}
	mode, found := os.FileMode(0o644), false
	for {
		part, err := reader.NextPart()
		if err == io.EOF {
			break
		}
		var data []byte
		if err == nil {
			data, err = io.ReadAll(part)
		}
		if err != nil {
			fail(w, 400, err.Error())
			return
		}
		switch part.FormName() {
		case "permissions":
			if parsed, err := parseMode(string(data), mode); err == nil {
				mode = parsed
			}
		case "file":
			found = true
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
	answer(w, 200, pathMessage{shown, "Binary file uploaded successfully"})
}
