# SPDX-License-Identifier: Apache-2.0
# Sockets of the host: host.py DIRECTORY. Prints a line for each connection or message that arrives; ends with its input.
import os, socket, sys, threading

directory = sys.argv[1]
name = '\0cordon-test' + directory.replace('/', '-')


def stream(at):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.bind(at)
    s.listen(99)
    while True:
        c, _ = s.accept()
        print('stream', flush=True)
        c.close()


def datagram(at):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(at)
    while True:
        print('datagram', s.recv(99), flush=True)


for serve, at in (stream, directory + '/stream'), (datagram, directory + '/datagram'), (stream, name + 's'), (datagram, name + 'd'):
    threading.Thread(target=serve, args=(at,), daemon=True).start()
while len(os.listdir(directory)) < 2:
    pass
print('ready', flush=True)
sys.stdin.read()
