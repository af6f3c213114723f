"""Names of metrics in other languages than their cards' own (English). A metric that is not here keeps its card's."""

from __future__ import annotations

NAMES = {
    "zh": {
        "psnr": "PSNR（整帧）",
        "psnr-inside": "PSNR（掩码内）",
        "psnr-outside": "PSNR（掩码外）",
        "ssim": "SSIM（整帧）",
        "ssim-outside": "SSIM（掩码外）",
        "perc-effl0": "感知距离，EffNet-Lite0（整帧）",
        "perc-effl0-outside": "感知距离，EffNet-Lite0（掩码外）",
        "lpips-alex": "LPIPS，AlexNet（整帧）",
        "lpips-alex-outside": "LPIPS，AlexNet（掩码外）",
        "structure-effl0": "与源视频的结构距离，EffNet-Lite0",
        "structure-effl0-target": "与目标的结构距离，EffNet-Lite0",
        "dino-structure-vitb8": "与源视频的结构距离，DINO ViT-B/8",
        "edges-gms": "与目标的边缘一致",
        "edges-gms-outside": "掩码外的边缘一致",
        "margin-lab": "掩码内完成编辑，色块",
        "margin-effl0": "掩码内完成编辑，EffNet-Lite0",
        "margin-dino-vitb8": "掩码内完成编辑，DINO ViT-B/8",
        "label-text": "标签文字（OCR）",
        "ciede2000": "掩码内色差",
        "ciede2000-outside": "掩码外色差",
        "motion-lk": "运动保真，Lucas-Kanade 轨迹",
        "warp-excess-dis": "超出参考的扭曲误差，DIS 光流",
        "flicker-difference": "闪烁（与参考之差）",
        "framecos-effl0": "帧间一致（与参考之差），EffNet-Lite0",
        "seconds": "每次编辑秒数",
        "nfe": "NFE",
        "peak-memory": "峰值内存",
        "kvd-effl0t": "KVD，EffNet-Lite0（时序）",
        "fvd-effl0t": "FVD，EffNet-Lite0（时序）",
        "fid-effl0": "帧 FID，EffNet-Lite0",
    }
}
"""By language and the metric's id."""
