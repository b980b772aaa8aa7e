"""Objects that come beside films, reports and the like: kept byte for byte."""

from __future__ import annotations

from lungwise.access import Person
from lungwise.audit.actions import Action, Subject
from lungwise.receiving.kept_objects import KeptObjects
from lungwise.receiving.uploads import Upload
from lungwise.studies.object_models import OtherObject
from lungwise.studies.other_objects import OtherObjects


class ReceivedObjects(KeptObjects[OtherObject]):
    """Records the objects that a clinic receives beside its films."""

    table = OtherObject

    def is_aside(self, person: Person, upload: Upload) -> bool:
        """Return whether an object that is kept has the SOP Instance UID of another object that was here before it.

        So it is, too, where a film has that UID.
        """
        aside = OtherObjects(self._session, self._store).aside(person.clinic_id, [upload.uids.instance or ""])
        return self.find(person, upload) in aside

    def record(self, person: Person, key: str, upload: Upload, sender: str) -> None:
        """Record an object that lies in the store in the folder of this key.

        Raises
        ------
        IntegrityError
            If the same is being recorded at this moment.
        """
        self._add(person, key, upload, sender, sop_class=upload.header.sop_class if upload.header else "")
        self._audit.record(person, Action.RECEIVED, Subject.OBJECT, key)
