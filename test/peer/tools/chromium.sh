VERSION=distro
WHAT='a real browser, for the console'
fetch() { apt_bin "$1" chromium chromium fonts-dejavu-core; }
