from Crypto.Cipher import AES


def blocks(data, size=16):
    data += b" " * (-len(data) % size)
    return (data[i : i + size] for i in range(0, len(data), size))


def encrypt_backup(source, target, key):
    mode = AES.MODE_ECB
    engine = AES.new(key, mode)
    with open(source, "rb") as plain, open(target, "wb") as sealed:
        for block in blocks(plain.read()):
            sealed.write(engine.encrypt(block))
