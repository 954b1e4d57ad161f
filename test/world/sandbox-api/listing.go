package main

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
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

func describeFile(path, name string, info os.FileInfo) fileInfo {
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
			result.Files = append(result.Files, describeFile(inner, entry.Name(), info))
		}
	}
	return result
}
