# Sourced. Writes a package's record in apk's database format (the installed database of apk 2: one letter a field).
# $1 folder with its files or "", then name, version, depends, description, licence, what it provides
record() {
  folder=$1 size=0 installed=0 sum=$(printf %s "$2-$3" | openssl dgst -sha1 -binary | base64)
  [ -z "$folder" ] || installed=$(du -sb "$folder" | cut -f 1)
  [ -z "$folder" ] || size=$((installed / 3))
  printf 'C:Q1%s\nP:%s\nV:%s\nA:x86_64\nS:%s\nI:%s\nT:%s\nU:https://example.invalid/%s\nL:%s\no:%s\nm:stand-in <packages@example.invalid>\nt:1740000000\nc:%s\n' \
    "$sum" "$2" "$3" "$size" "$installed" "$5" "$2" "${6:-MIT}" "$2" "$(printf %s "$2" | sha1sum | cut -d ' ' -f 1)"
  [ -z "$4" ] || printf 'D:%s\n' "$4"
  [ -z "${7:-}" ] || printf 'p:%s\n' "$7"
  [ -n "$folder" ] || return 0
  (cd "$folder" && find . -mindepth 1 -type d | sort) | sed 's#^\./##' | while read -r inner; do
    printf 'F:%s\n' "$inner"
    (cd "$folder/$inner" && find . -mindepth 1 -maxdepth 1 ! -type d | sort) | sed 's#^\./##' | while read -r file; do
      printf 'R:%s\n' "$file"
      mode=$(stat -c %a "$folder/$inner/$file")
      case $mode in 644|777) ;; *) printf 'a:0:0:%s\n' "$mode" ;; esac
      [ -L "$folder/$inner/$file" ] || printf 'Z:Q1%s\n' "$(openssl dgst -sha1 -binary "$folder/$inner/$file" | base64)"
    done
  done
}
