package main

import (
	"io"
	"os"
	"strings"
)

// How much of each stream an answer holds: who looks at a process gets less than who waited for it.
const inlineTail = 64 * 1024
const fullTail = 4 * 1024 * 1024
const cutMark = "[... truncated, see the process log file for the full output ...]\n"

func tail(path string, limit int64) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return ""
	}
	prefix := ""
	if info.Size() > limit {
		file.Seek(info.Size()-limit, io.SeekStart)
		prefix = cutMark
	}
	data, _ := io.ReadAll(io.LimitReader(file, limit))
	return prefix + string(data)
}

// follower tells what was added to a log file since the last look.
type follower struct {
	path   string
	offset int64
	rest   string
}

func (f *follower) next() []byte {
	file, err := os.Open(f.path)
	if err != nil {
		return nil
	}
	defer file.Close()
	buffer := make([]byte, 256*1024)
	count, _ := file.ReadAt(buffer, f.offset)
	f.offset += int64(count)
	return buffer[:count]
}

// lines gives the whole lines that were added, and at the end the unfinished one.
func (f *follower) lines(last bool) []string {
	text := f.rest
	for data := f.next(); len(data) > 0; data = f.next() {
		text += string(data)
	}
	cut := strings.LastIndex(text, "\n") + 1
	if last {
		cut = len(text)
	}
	f.rest = text[cut:]
	whole := strings.SplitAfter(text[:cut], "\n")
	if whole[len(whole)-1] == "" {
		whole = whole[:len(whole)-1]
	}
	return whole
}
