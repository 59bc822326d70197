from hashlib import sha1


def git_blob_id(content):
    """The name git gives to a file with this content."""
    header = b"blob %d\0" % len(content)
    return sha1(header + content, usedforsecurity=False).hexdigest()


def changed(tree, files):
    return [path for path, content in files.items() if tree.get(path) != git_blob_id(content)]
