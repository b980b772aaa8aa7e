"""What of a film may leave the hospital: the Basic Application Level Confidentiality Profile, the other way round.

PS3.15, table E.1-1, lists what must go. This table lists what may stay, and nothing else does: an attribute
that is private, new, misplaced or forgotten goes. None of what stays is in table E.1-1 with action X, and what
that table replaces (D, U) or empties (Z) is here with that action.
"""

from __future__ import annotations

from typing import Final

_PICTURE = (  # General Image, series and equipment: what kind of picture, made by what kind of machine
    "SpecificCharacterSet ImageType SOPClassUID Modality ConversionType PresentationIntentType Manufacturer "
    "ManufacturerModelName SeriesNumber InstanceNumber AcquisitionNumber Laterality ImageLaterality "
    "PatientOrientation BodyPartExamined ViewPosition AnatomicRegionSequence AnatomicRegionModifierSequence "
    "ViewCodeSequence ViewModifierCodeSequence PatientOrientationCodeSequence CodeValue CodingSchemeDesignator "
    "CodeMeaning "
)
_EXPOSURE = (  # how it was exposed and detected
    "KVP ExposureTime XRayTubeCurrent Exposure ExposureInuAs ExposureTimeInuS XRayTubeCurrentInuA ExposureStatus "
    "FocalSpots AnodeTargetMaterial Grid FilterMaterial FilterThicknessMinimum FilterThicknessMaximum "
    "DistanceSourceToDetector DistanceSourceToPatient EstimatedRadiographicMagnificationFactor BodyPartThickness "
    "CompressionForce PositionerType Sensitivity ExposureIndex TargetExposureIndex DeviationIndex DetectorType "
    "DetectorConfiguration DetectorActiveShape DetectorActiveDimensions DetectorBinning "
    "DetectorElementPhysicalSize DetectorElementSpacing ImagerPixelSpacing PixelSpacing PlateType "
    "FieldOfViewShape FieldOfViewDimensions FieldOfViewOrigin FieldOfViewRotation FieldOfViewHorizontalFlip "
    "CollimatorShape CollimatorLeftVerticalEdge CollimatorRightVerticalEdge CollimatorUpperHorizontalEdge "
    "CollimatorLowerHorizontalEdge "
)
_PIXELS = (  # its pixels
    "SamplesPerPixel PhotometricInterpretation Rows Columns PixelAspectRatio BitsAllocated BitsStored HighBit "
    "PixelRepresentation SmallestImagePixelValue LargestImagePixelValue PixelPaddingValue PixelPaddingRangeLimit "
    "PixelIntensityRelationship PixelIntensityRelationshipSign QualityControlImage BurnedInAnnotation "
    "RescaleIntercept RescaleSlope RescaleType WindowCenter WindowWidth VOILUTFunction PresentationLUTShape "
    "ModalityLUTSequence VOILUTSequence LUTDescriptor LUTData ModalityLUTType "
    "RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor "
    "BluePaletteColorLookupTableDescriptor RedPaletteColorLookupTableData GreenPaletteColorLookupTableData "
    "BluePaletteColorLookupTableData LossyImageCompression LossyImageCompressionRatio LossyImageCompressionMethod "
    "CalibrationImage PixelSpacingCalibrationType "
)
KEPT: Final = frozenset((_PICTURE + _EXPOSURE + _PIXELS).split())
"""Stays as it is, wherever it stands."""

REPLACED_UIDS: Final = (
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "SynchronizationFrameOfReferenceUID",
    "AcquisitionUID",
    "IrradiationEventUID",
    "InstanceCreatorUID",
    "DeviceUID",
)
"""Action U: another UID, always the same for the same one. UIDs within sequences go with these."""

EMPTIED: Final = (
    "StudyDate",
    "StudyTime",
    "ContentDate",
    "ContentTime",
    "AcquisitionDate",
    "AcquisitionTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "AcquisitionContextSequence",
)
"""Action Z: emptied where it is, for the object's definition asks for its presence."""

CODES: Final = frozenset({"SCT", "SRT", "SNM3", "99SDM", "DCM"})
"""Coding schemes whose meanings are a dictionary's and no person's."""
