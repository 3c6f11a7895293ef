"""ELB's named security policies (ELB section 8.2). What each name means to the proxy stands with the proxy."""

from enum import StrEnum


class TlsPolicy(StrEnum):
    """The protocols and ciphers a TLS listener offers, by ELB's names."""

    TLS13_1_3_2021_06 = "ELBSecurityPolicy-TLS13-1-3-2021-06"
    TLS13_1_2_2021_06 = "ELBSecurityPolicy-TLS13-1-2-2021-06"
    TLS13_1_2_RES_2021_06 = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
    TLS13_1_2_EXT1_2021_06 = "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06"
    TLS13_1_2_EXT2_2021_06 = "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06"
    TLS13_1_1_2021_06 = "ELBSecurityPolicy-TLS13-1-1-2021-06"
    TLS13_1_0_2021_06 = "ELBSecurityPolicy-TLS13-1-0-2021-06"
    TLS13_1_3_PQ_2025_09 = "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09"
    TLS13_1_2_PQ_2025_09 = "ELBSecurityPolicy-TLS13-1-2-PQ-2025-09"
    TLS13_1_2_RES_PQ_2025_09 = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
    TLS13_1_2_EXT1_PQ_2025_09 = "ELBSecurityPolicy-TLS13-1-2-Ext1-PQ-2025-09"
    TLS13_1_2_EXT2_PQ_2025_09 = "ELBSecurityPolicy-TLS13-1-2-Ext2-PQ-2025-09"
    TLS13_1_0_PQ_2025_09 = "ELBSecurityPolicy-TLS13-1-0-PQ-2025-09"
    FS_1_2_RES_2020_10 = "ELBSecurityPolicy-FS-1-2-Res-2020-10"
    FS_1_2_RES_2019_08 = "ELBSecurityPolicy-FS-1-2-Res-2019-08"
    FS_1_2_2019_08 = "ELBSecurityPolicy-FS-1-2-2019-08"
    FS_1_1_2019_08 = "ELBSecurityPolicy-FS-1-1-2019-08"
    FS_2018_06 = "ELBSecurityPolicy-FS-2018-06"
    TLS_1_2_EXT_2018_06 = "ELBSecurityPolicy-TLS-1-2-Ext-2018-06"
    TLS_1_2_2017_01 = "ELBSecurityPolicy-TLS-1-2-2017-01"
    TLS_1_1_2017_01 = "ELBSecurityPolicy-TLS-1-1-2017-01"
    TLS_1_0_2015_04 = "ELBSecurityPolicy-TLS-1-0-2015-04"
    V2016_08 = "ELBSecurityPolicy-2016-08"
    V2015_05 = "ELBSecurityPolicy-2015-05"
