"""How the PDUs of one transaction look: learnt from the first that comes, kept by all answers."""

from __future__ import annotations

from uplink.transfers.cfdp import pdu as pdus


class Shape:
    """The form of a sender's PDUs, and how its File Data begins."""

    __slots__ = ("body", "first", "flags", "form", "is_known", "key", "large", "transaction")

    def __init__(self, transaction: pdus.TransactionId) -> None:
        self.transaction = transaction
        self.is_known = False
        """Whether a PDU has told the form; until then it is the one that we send."""
        self.set(pdus.Form.for_transaction(transaction), large=False)

    def set(self, form: pdus.Form, *, large: bool) -> None:
        self.form, self.large = form, large
        head = pdus.header(
            self.transaction,
            0,
            towards=pdus.TOWARDS_RECEIVER,
            file_data=True,
            large=large,
            form=form,
        )
        self.flags, self.key = b"" if form.crc else head[:1], head[3:]
        self.body = len(head)
        self.first = self.body + (8 if large else 4)

    def learn(self, head: pdus.Head) -> None:
        """Take a PDU's form for the transaction's; `Malformed` when it cannot be of this one."""
        if head.transaction != self.transaction or head.towards != pdus.TOWARDS_RECEIVER:
            raise pdus.Malformed(f"This PDU belongs to {head.transaction}.")
        if self.is_known and head.form.acknowledged != self.form.acknowledged:
            raise pdus.Malformed("A transaction cannot change its class on its way.")
        if self.is_known and self.form.crc and not head.form.crc:
            raise pdus.Malformed(
                "The other PDUs of this transaction have a CRC, this one has none."
            )
        if not self.is_known or (head.large and not self.large):
            form = self.form if self.is_known else head.form
            self.set(form, large=self.large or head.large)
            self.is_known = True
