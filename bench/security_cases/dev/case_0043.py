"""Reads measurements that stations send to us by mail."""

import email
import email.policy
import imaplib

from lxml import etree


def attachments(mailbox):
    _status, data = mailbox.search(None, "UNSEEN")
    for number in data[0].split():
        _status, parts = mailbox.fetch(number, "(RFC822)")
        message = email.message_from_bytes(parts[0][1], policy=email.policy.default)
        for part in message.iter_attachments():
            if part.get_content_type() == "application/xml":
                yield part.get_content()


def measurements(host, user, password):
    parser = etree.XMLParser(load_dtd=True, resolve_entities=True, no_network=False)
    with imaplib.IMAP4_SSL(host) as mailbox:
        mailbox.login(user, password)
        mailbox.select()
        for document in attachments(mailbox):
            root = etree.fromstring(document, parser=parser)
            yield root.findtext("station"), float(root.findtext("value"))
