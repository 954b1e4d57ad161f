module sandbox-api

go 1.19
