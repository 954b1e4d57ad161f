#!/bin/sh
# Makes the Alpine-like root file system in /alpine: busybox and little else, as a fresh Alpine image has it.
set -eu
. /world/record.sh
R=/alpine
for folder in bin sbin usr/bin usr/sbin usr/lib usr/local/bin usr/share lib/apk/db etc/apk/keys etc/ssl/certs etc/profile.d var/log var/cache/apk var/lib \
  usr/lib/standin tmp root run proc sys dev home mnt media srv opt; do mkdir -p $R/$folder; done
chmod 1777 $R/tmp && chmod 700 $R/root
mkdir -p /base

# owned PACKAGE PATH: a file of the root, said to be PACKAGE's
owned() {
  mkdir -p "/base/$1/$(dirname "$2")"
  cp -a "$R/$2" "/base/$1/$2"
}

perl /world/busybox.pl /bin/busybox $R/bin/busybox all
perl /world/busybox.pl /bin/busybox $R/usr/lib/standin/ash shell
owned busybox bin/busybox
busybox --list-full | while read -r applet; do
  program=/bin/busybox
  case ${applet##*/} in
    # Alpine's busybox is made without these.
    busybox|linuxrc|ar|dpkg|dpkg-deb|rpm|svc|svok|loadfont|mim|ts) continue ;;
    sh|ash) program=/usr/lib/standin/ash ;;
  esac
  ln -s $program "$R/$applet"
  echo "/$applet" >> $R/usr/lib/standin/applets
done
owned busybox-binsh bin/sh
install -m 755 /world/apk $R/sbin/apk
owned apk-tools sbin/apk

# Only its presence tells which libc this is: no program linked to musl comes with the world.
printf '#!/bin/sh\nprintf "musl libc (x86_64)\\nVersion 1.2.5\\nDynamic Program Loader\\n" >&2\nexit 1\n' > $R/lib/ld-musl-x86_64.so.1
chmod 755 $R/lib/ld-musl-x86_64.so.1
ln -s ld-musl-x86_64.so.1 $R/lib/libc.musl-x86_64.so.1
owned musl lib/ld-musl-x86_64.so.1 && owned musl lib/libc.musl-x86_64.so.1

echo 3.21.3 > $R/etc/alpine-release
printf 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.21.3\nPRETTY_NAME="Alpine Linux v3.21"\nHOME_URL="https://alpinelinux.org/"\nBUG_REPORT_URL="https://gitlab.alpinelinux.org/alpine/aports/-/issues"\n' > $R/usr/lib/os-release
ln -s ../usr/lib/os-release $R/etc/os-release
owned alpine-release etc/alpine-release && owned alpine-release etc/os-release && owned alpine-release usr/lib/os-release

printf 'root:x:0:0:root:/root:/bin/sh\nbin:x:1:1:bin:/bin:/sbin/nologin\ndaemon:x:2:2:daemon:/sbin:/sbin/nologin\nguest:x:405:100:guest:/dev/null:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n' > $R/etc/passwd
printf 'root:x:0:root\nbin:x:1:root,bin,daemon\ndaemon:x:2:root,bin,daemon\ntty:x:5:\nusers:x:100:games\nnogroup:x:65533:\nnobody:x:65534:\n' > $R/etc/group
printf 'root:*::0:::::\nbin:!::0:::::\ndaemon:!::0:::::\nguest:!::0:::::\nnobody:!::0:::::\n' > $R/etc/shadow
chmod 640 $R/etc/shadow
printf '127.0.0.1\tlocalhost\n' > $R/etc/hosts
printf '/bin/sh\n/bin/ash\n' > $R/etc/shells
printf 'export PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"\n' > $R/etc/profile
printf 'hosts: files dns\n' > $R/etc/nsswitch.conf
for file in passwd group shadow hosts shells profile; do owned alpine-baselayout-data etc/$file; done

cp /etc/ssl/certs/ca-certificates.crt $R/etc/ssl/certs/ca-certificates.crt
ln -s certs/ca-certificates.crt $R/etc/ssl/cert.pem
owned ca-certificates-bundle etc/ssl/certs/ca-certificates.crt && owned ca-certificates-bundle etc/ssl/cert.pem

printf 'https://mirror.example.invalid/alpine/v3.21/main\nhttps://mirror.example.invalid/alpine/v3.21/community\n' > $R/etc/apk/repositories
printf 'alpine-baselayout\nalpine-keys\nalpine-release\napk-tools\nbusybox\nmusl-utils\n' > $R/etc/apk/world

# base NAME VERSION "DEPENDS" "DESCRIPTION" LICENCE
base() {
  folder=""
  [ ! -d "/base/$1" ] || folder=/base/$1
  { record "$folder" "$1" "$2" "$3" "$4" "${5:-MIT}"; echo; } >> $R/lib/apk/db/installed
}
base alpine-baselayout 3.6.8-r1 "alpine-baselayout-data busybox-binsh" "Alpine base dir structure and init scripts" GPL-2.0-only
base alpine-baselayout-data 3.6.8-r1 "" "Alpine base dir structure and init scripts" GPL-2.0-only
base alpine-keys 2.5-r0 "" "Public keys for Alpine Linux packages"
base alpine-release 3.21.3-r0 "alpine-keys" "Alpine release data"
base apk-tools 2.14.6-r3 "musl ca-certificates-bundle libcrypto3 libssl3 zlib" "Alpine Package Keeper - package manager for alpine" GPL-2.0-only
base busybox 1.37.0-r12 "musl ssl_client" "Size optimized toolbox of many common UNIX utilities" GPL-2.0-only
base busybox-binsh 1.37.0-r12 "busybox" "busybox ash /bin/sh" GPL-2.0-only
base ca-certificates-bundle 20241121-r1 "" "Pre generated bundle of Mozilla certificates" "MPL-2.0 AND MIT"
base libcrypto3 3.3.3-r0 "musl" "Crypto library from openssl" Apache-2.0
base libssl3 3.3.3-r0 "musl libcrypto3" "SSL shared libraries" Apache-2.0
base musl 1.2.5-r9 "" "the musl c library (libc) implementation"
base musl-utils 1.2.5-r9 "scanelf musl" "the musl c library (libc) implementation"
base scanelf 1.3.8-r1 "musl" "Scan ELF binaries for stuff" GPL-2.0-only
base ssl_client 1.37.0-r12 "musl libcrypto3 libssl3" "External ssl_client for busybox wget" GPL-2.0-only
base zlib 1.3.1-r2 "musl" "A compression/decompression Library" Zlib

sh /world/make-packages.sh $R/usr/lib/standin/apk
