VERSION=distro
WHAT='HTTP/2 server of nghttp2'
fetch() { apt_bin "$1" nghttpd nghttp2-server; }
